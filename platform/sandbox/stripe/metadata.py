"""Metadata: what the shop wrote on an object of Stripe's, merged with what it writes now."""


def merged_metadata(current: dict[str, str], change: dict[str, str] | None) -> dict[str, str]:
    """Merge metadata: an empty value removes its key, None removes all."""
    if change is None:
        return {}
    return {key: value for key, value in {**current, **change}.items() if value != ""}

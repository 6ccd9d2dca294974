"""A shop's own colours, refused where people could not read them."""

import re
from dataclasses import dataclass
from typing import Final

from kernel.errors import Invalid

LEAST_CONTRAST: Final = 4.5
"""Of text, by WCAG 2.2 (success criterion 1.4.3, level AA)."""
_HEX: Final = re.compile(r"#[0-9a-f]{6}")
#: What the pages' own sheet puts behind links: --paper and --ground of `web/static/shop.css`.
LIGHT_GROUNDS: Final = ("#ffffff", "#f3f5fa")
DARK_GROUNDS: Final = ("#1a1f2c", "#11141d")
_TINT: Final = 0.1


@dataclass(frozen=True, slots=True)
class Pair:
    """A colour for links and buttons, and the colour of what is written on it."""

    accent: str
    on_accent: str

    def tint(self, ground: str) -> str:
        """A tenth of the accent on a ground: behind what is chosen."""
        mixed = (
            round(_TINT * of_accent + (1 - _TINT) * of_ground)
            for of_accent, of_ground in zip(_rgb(self.accent), _rgb(ground), strict=True)
        )
        return "#" + "".join(f"{part:02x}" for part in mixed)


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours for light screens, for dark ones, or for both; None leaves the platform's own."""

    light: Pair | None
    dark: Pair | None


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21, by WCAG 2.2's formula."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def checked_pair(accent: str, on_accent: str, *, grounds: tuple[str, ...], field: str) -> Pair:
    """Read two colours; `Invalid` for what is no `#rrggbb`, and where people could not read it."""
    pair = Pair(_colour(accent, field), _colour(on_accent, field))
    against = [contrast(pair.accent, ground) for ground in grounds]
    if min(contrast(pair.accent, pair.on_accent), *against) < LEAST_CONTRAST:
        raise Invalid("These colours are too close to each other to be read.", field=field)
    return pair


def _colour(text: str, field: str) -> str:
    colour = text.strip().lower()
    if _HEX.fullmatch(colour) is None:
        raise Invalid("A colour is written as # and its hexadecimal digits.", field=field)
    return colour


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2, "relative luminance")."""
    red, green, blue = (_linear(part / 255) for part in _rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    if part <= 0.04045:
        return part / 12.92
    linear: float = ((part + 0.055) / 1.055) ** 2.4
    return linear

"""Which hosts a shop may bring, and how they are spelt."""

import pytest

from kernel.errors import Invalid
from tenants.host_names import own_host, shown_host

PLATFORM = frozenset({"kameng.example", "api.kameng.example"})


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("cards.example", "cards.example"),
        ("  Cards.EXAMPLE. ", "cards.example"),
        ("a.b.cards.co.uk", "a.b.cards.co.uk"),
        ("星河.example", "xn--4kqx20c.example"),
        ("xn--4kqx20c.example", "xn--4kqx20c.example"),
        ("カード屋.example", "xn--lck0c8a3h.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("карты.example", "xn--80atfk8d.example"),
        ("ｃａｒｄｓ．example", "cards.example"),
        ("notkameng.example", "notkameng.example"),
        ("кар-1.example", None),
    ],
)
def test_a_host_has_one_spelling(text: str, host: str | None) -> None:
    found = own_host(text, platform_hosts=PLATFORM)
    assert found.isascii() and found == found.lower()
    if host is not None and not host.startswith("xn--"):
        assert found == host
    assert own_host(shown_host(found), platform_hosts=PLATFORM) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "localhost",
        "cards",
        "127.0.0.1",
        "1.2.3.4.5",
        "::1",
        "[::1]",
        "cards.example:80",
        "https://cards.example",
        "cards.example/x",
        "cards..example",
        "-cards.example",
        "cards-.example",
        "cards_1.example",
        "cards example",
        "*.cards.example",
        "user@cards.example",
        "cards.example\x00",
        "xn--a.example",
        "xn--zz--.example",
        "kameng.example",
        "shop.kameng.example",
        "API.kameng.example",
        "com",
        "co.uk",
        "com.cn",
        "github.io",
        "cards.localhost",
        "cards.local",
        "4.3.2.1.in-addr.arpa",
        "раураl.example",
        "cardsκ.example",
        "a" * 64 + ".example",
        ".".join(["a" * 60] * 4) + ".example",
        "a" * 501,
        "\ud800.example",
    ],
)
def test_what_is_nobodys_to_bring_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        own_host(text, platform_hosts=PLATFORM)
    assert refused.value.field == "host"

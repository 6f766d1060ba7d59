"""Addresses as people type them into To: each is sent to, or the form says which is none."""

import pytest

from mailcore.errors import NotAllowed
from mailcore.services.webmail.compose import addresses


@pytest.mark.parametrize(
    ("typed", "specs"),
    [
        ("Doe, John <j@x.example>", ["j@x.example"]),
        ('"a@b c@d, John" <j@x.example>', ["j@x.example"]),
        ("j@x.example; k@x.example,", ["j@x.example", "k@x.example"]),
        ("j@x.example k@x.example\tl@x.example", ["j@x.example", "k@x.example", "l@x.example"]),
        ("<j@x.example> <k@x.example>", ["j@x.example", "k@x.example"]),
        ("A <j@x.example> B <k@x.example> (work)", ["j@x.example", "k@x.example"]),
        ("mailto:j@x.example", ["j@x.example"]),
        ("'j@x.example'", ["j@x.example"]),
        ("o'j@x.example", ["o'j@x.example"]),
        ("j@blåbær.example", ["j@xn--blbr-roah.example"]),
        ("\u200bj@x.example\ufeff", ["j@x.example"]),
        ("j\uff20x.example.", ["j@x.example"]),
        ("j..k@x.example", ['"j..k"@x.example']),
        ("j@work <j@x.example>", ["j@x.example"]),
        ("John j@x.example", ["j@x.example"]),
        ("friends: a@x.example, b@x.example;", ["a@x.example", "b@x.example"]),
        ("", []),
        (" , ;", []),
    ],
)
def test_every_address_is_sent_to(typed, specs):
    assert [spec for _, spec in addresses(typed)] == specs


@pytest.mark.parametrize(
    "typed",
    [
        "ola",
        "not an address",
        "a@b.example, c",
        "@x.example",
        "j@x..example",
        "j@x.example & k@x.example",
        "j@x.example og k@y.example",
        "j@x.example|k@x.example",
        "j@x.example\r\nBcc: e@y.example",
        "åse@x.example",
        "<>",
    ],
)
def test_what_is_none_or_would_be_left_out_is_said(typed):
    with pytest.raises(NotAllowed) as told:
        addresses(typed)
    assert typed.partition("\r")[0].partition(",")[0].strip() in str(told.value) or typed == "a@b.example, c"

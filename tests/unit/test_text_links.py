"""Web addresses in plain text, as people write them."""

import pytest

from mailcore.mail.judging.links import host, named_host
from mailcore.services.webmail.text_links import find_line_links, find_links
from tests.processor import costs_under


@pytest.mark.parametrize("mark", [",", ";", "|", ", ", " "])
def test_addresses_in_a_list_are_several(mark):
    line = f"(https://a.example/x_(y){mark}https://b.example/z)."
    assert [line[start:end] for start, end in find_links(line)] == ["https://a.example/x_(y)", "https://b.example/z"]


@pytest.mark.parametrize(("line", "address"), [
    ("https://no.wikipedia.org/wiki/Bergen_(by)", "https://no.wikipedia.org/wiki/Bergen_(by)"),
    ("(se https://no.wikipedia.org/wiki/Bergen_(by)).", "https://no.wikipedia.org/wiki/Bergen_(by)"),
    ("(https://x.example/a)", "https://x.example/a"),
    ("(https://x.example/a), og", "https://x.example/a"),
    ("https://x.example/(a", "https://x.example/(a"),
    ("https://x.example/?q=[1]", "https://x.example/?q=[1]"),
    ("[ord](https://x.example/a)", "https://x.example/a"),
    ("[https://x.example/[a]]", "https://x.example/[a]"),
    ("https://c.example/People's_choice", "https://c.example/People's_choice"),
    ("'https://c.example/People's_choice', og", "https://c.example/People's_choice"),
    ("'https://c.example/a'", "https://c.example/a"),
    ("‘https://c.example/a’ “https", "https://c.example/a"),
    ("https://c.example/People’s_choice", "https://c.example/People’s_choice"),
    ("«https://c.example/a»", "https://c.example/a"),
    ("<https://c.example/a>", "https://c.example/a"),
    ("<URL:https://c.example/a>", "https://c.example/a"),
    ('"https://c.example/a"', "https://c.example/a"),
    ("*https://c.example/a*", "https://c.example/a"),
    ("_https://c.example/a_", "https://c.example/a"),
    ("https://c.example/a_", "https://c.example/a_"),
    ("Se https://c.example/a.", "https://c.example/a"),
    ("https://c.example/a?b=c&d=e!?", "https://c.example/a?b=c&d=e"),
    ("https://c.example/a…", "https://c.example/a"),
    ("HTTPS://C.example/A", "HTTPS://C.example/A"),
    ("https://c.example/" + "a" * 3000, "https://c.example/" + "a" * 3000),
    ("https://c.example/møte", "https://c.example/møte"),
    ("「https://c.example/a」を", "https://c.example/a"), ("https://c.example/a）。", "https://c.example/a"),
    ("https://c.example/（a）", "https://c.example/（a）"), ("`https://c.example/a`", "https://c.example/a"),
    ("https://c.example/a\u200b", "https://c.example/a"), ("https://c.example/a\u202egpj", "https://c.example/a"),
])  # fmt: skip
def test_an_address_ends_where_people_end_it(line, address):
    assert [line[start:end] for start, end in find_links(line)] == [address]


@pytest.mark.parametrize(
    "line", ["https://", "xhttps://c.example", "http:/c.example", "ftp://c.example", "https://)))", ""]
)
def test_what_is_no_address_is_no_link(line):
    assert list(find_links(line)) == []


@pytest.mark.parametrize(
    "line",
    [
        "https://" + ")" * 200_000,
        "(https://" * 40_000,
        "'https://" * 40_000,
        "https://x" + "(" * 90_000 + ")" * 90_000,
        "https://x" + "'" * 200_000,
        "([{'https://x/" * 20_000,
        "https://" * 50_000,
        "<https://xxx\ny" * 20_000,
        "<https://xxx" + "\ny" * 100_000,
        "<https://xxx\ny>" * 20_000,
    ],
)
def test_addresses_are_found_in_linear_time(line):
    with costs_under(1):
        list(find_links(line))
        list(find_line_links(line))


@pytest.mark.parametrize(("text", "pieces"), [
    ("se <https://a.example/x\ny/z> og", ["https://a.example/x", "y/z"]),
    ("<URL:https://a.example/x \n  y\n\tz>", ["https://a.example/x", "y", "z"]),
    ("> <https://a.example/x\n> y>", ["https://a.example/x", "y"]),
    (">> <https://a.example/x\n>> y>", ["https://a.example/x", "y"]),
    ("<https://a.example/x\r\ny>", ["https://a.example/x", "y"]),
    ("<https://a.example/\ny> <https://b.example/z>", ["https://a.example/", "y", "https://b.example/z"]),
    ("<https://b.example/z> <https://a.example/\ny>", ["https://b.example/z", "https://a.example/", "y"]),
])  # fmt: skip
def test_an_address_in_angle_brackets_may_be_broken_over_lines(text, pieces):
    """RFC 3986 appendix C."""
    found = [(line[link.start : link.end], link.address) for line, links in find_line_links(text) for link in links]
    whole = "".join(piece for piece in pieces if "b.example" not in piece)
    assert found == [(piece, piece if "b.example" in piece else whole) for piece in pieces]
    assert "\n".join(line for line, _ in find_line_links(text)) == text


def test_what_is_within_a_broken_address_is_no_link_of_its_own():
    line, links = next(find_line_links("see <http://a.example/x,http://c.example/y\nz> http://d.example"))
    assert [(line[link.start : link.end], link.address) for link in links] == [
        ("http://a.example/x,http://c.example/y", "http://a.example/x,http://c.example/yz")
    ]


@pytest.mark.parametrize("text", [
    "<https://a.example/\nhttps://bank.example/>",  # words that would lead elsewhere than they say
    "<https://a.example/\nwww.bank.example/>",
    "<https://a.example/\nand so on>",
    "<https://a.example/\n\nand>",
    "https://a.example/\nand>",
])  # fmt: skip
def test_words_in_the_next_line_are_not_joined(text):
    links = [link for _, links in find_line_links(text) for link in links]
    assert links[0].address == "https://a.example/"
    assert all("bank" not in link.address or "//bank" in link.address for link in links)


@pytest.mark.parametrize(("words", "named"), [
    ("https://bank.example/login", "bank.example"), ("bank.no", "bank.no"), ("www.bank.no/x?y", "www.bank.no"),
    ("HTTPS://Bank.example", "bank.example"), ("bank.no?x", "bank.no"), ("ola@bank.no", ""), ("les mer", ""),
    ("https://bank.example/a b", ""), ("rapport.pdf", ""), ("https://ola@bank.no/", ""), ("", ""),
])  # fmt: skip
def test_words_of_a_link_name_a_host(words, named):
    assert named_host(words) == named


@pytest.mark.parametrize("words", ["a." * 45_000, "a-" * 45_000, "http://" + "a." * 45_000 + "!", "www." * 20_000])
def test_no_words_of_a_link_take_long(words):
    with costs_under(0.5):
        assert named_host(words) == ""
        host("http://xn--" + words)

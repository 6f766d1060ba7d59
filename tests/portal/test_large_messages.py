"""Very large messages are shown in portions, each for half a second of a processor at most."""

import re

import pytest

from mailcore.services.webmail import portions
from tests.portal.mailing import letter, put
from tests.portal.test_webmail_reading import html_letter
from tests.processor import find_excess, measure_cost

MOST_SECONDS = 0.5
NUMBER = 30_000
HEAVY = {
    "nested blocks": "<div>" * NUMBER + "x" + "</div>" * NUMBER,
    "blocks nested again and again": ("<div>" * 999 + "x" + "</div>" * 999) * 150,
    "nested tables": ("<table><tr><td>" * 300 + "x" + "</td></tr></table>" * 300) * 100,
    "links": '<a href="https://a.example/x">b.example</a>' * NUMBER,
    "styles with addresses": '<p style="color:red;background:url(http://x/y);margin:0 1px 2px 3px">x</p>' * NUMBER,
    "styles that differ": "".join(f'<p style="color:#{i:06x};margin:0 {i}px">x</p>' for i in range(NUMBER)),
    "one endless style": '<p style="' + "".join(f"color:#{i:06x};" for i in range(200_000)) + '">x',
    "a large sheet": "<style>" + "".join(f".a{i} b>c{{color:#{i:06x};margin:0}}" for i in range(100_000)) + "</style>x",
    "many sheets": "".join(f"<style>.a{i}{{color:#{i:06x}}}</style>" for i in range(50_000)),
    "references": "&nbsp;&amp;&#x41;" * 300_000,
    "signs that begin nothing": "<" * 1_000_000,
    "attributes": ("<p " + " ".join(f"a{i}=b" for i in range(1000)) + ">") * 500,
    "pictures that did not come": '<img src="cid:a">' * 200_000,
    "words": "hei og hå " * 500_000,
    "what Word writes": "<p class=MsoNormal><span lang=NO style='font-size:11.0pt'>Hei<o:p></o:p></span></p>\n" * 80_000,
    "comments": "<!-- - -- x -->y" * 200_000,
}  # fmt: skip


@pytest.mark.parametrize("name", HEAVY)
def test_every_portion_costs_half_a_second_at_most(inside, core, ola, name):
    uid = put(core, ola, html_letter(HEAVY[name]))
    inside.get(f"/mail/INBOX/{put(core, ola, html_letter('<p>x'))}")
    for portion in (1, 2, 1000):
        for page in ("", "/html"):
            address = f"/mail/INBOX/{uid}{page}?portion={portion}"
            assert find_excess(_measure_page(inside, address), MOST_SECONDS) == ""


def _measure_page(inside, address: str) -> float:
    def look() -> None:
        assert inside.get(address).status_code == 200

    return measure_cost(look)


def words_of(frame: str) -> list[str]:
    return re.findall(r"ord\d+", frame)


def test_portions_hold_all_of_the_html_each_word_once(inside, core, ola):
    html = "<html><head><title>t</title><style>p{color:red}</style></head><body><!-- x --><table>"
    html += (
        "".join(f'<tr><td style="color:#{i:06x}"><p>ord{i} &aelig;</p></td></tr>' for i in range(9_000)) + "</table>"
    )
    uid = put(core, ola, html_letter(html))
    page = inside.get(f"/mail/INBOX/{uid}").text
    number = int(re.search(r"Del 1 av (\d+)", page)[1])
    assert number > 1
    assert "Neste del" in page
    assert "Forrige del" not in page
    frames = [inside.get(f"/mail/INBOX/{uid}/html?portion={portion}").text for portion in range(1, number + 1)]
    assert [word for frame in frames for word in words_of(frame)] == [f"ord{i}" for i in range(9_000)]
    assert all("p{color:red}" in frame for frame in frames)
    texts = [inside.get(f"/mail/INBOX/{uid}?portion={portion}").text for portion in range(1, number + 1)]
    assert [word for text in texts for word in words_of(text)] == [f"ord{i}" for i in range(9_000)]
    assert "Forrige del" in texts[-1]
    assert "Neste del" not in texts[-1]


def test_a_long_plain_text_is_cut_between_lines(inside, core, ola):
    text = "".join(f"ord{i} {'x' * 60}\r\n" for i in range(12_000))
    uid = put(core, ola, letter(text=text))
    number = int(re.search(r"Del 1 av (\d+)", inside.get(f"/mail/INBOX/{uid}").text)[1])
    texts = [inside.get(f"/mail/INBOX/{uid}?portion={portion}").text for portion in range(1, number + 1)]
    assert [word for one in texts for word in words_of(one)] == [f"ord{i}" for i in range(12_000)]


def test_an_ordinary_message_is_never_cut(inside, core, ola):
    html = (
        "<style>.a{color:red}</style>" + "<table><tr><td class=a style='padding:0'>Nytt fra Ås</td></tr></table>" * 1500
    )
    assert "Del 1 av" not in inside.get(f"/mail/INBOX/{put(core, ola, html_letter(html))}").text


@pytest.mark.parametrize(
    "html", ["", "x", "<p>x", "<" * 100_000, "x" * 5_000_000, "<p title='" + "x" * 3_000_000 + "'>y</p>"]
)
def test_pieces_end(html):
    pieces = list(portions._cut_html(html))
    assert sum(len(piece) for piece, _ in pieces) == len(html)
    assert all(piece for piece, _ in pieces[1:])

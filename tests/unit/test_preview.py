"""A few words of a message, for lists."""

import pytest

from mailcore.mail.showing.preview import MOST, preview
from tests.unit.test_body import FILE, HTML, PLAIN, leaf, multi


@pytest.mark.parametrize(("message", "words"), [
    (PLAIN, "plain"), (HTML, "designed"), (multi("alternative", PLAIN, HTML), "plain"),
    (multi("alternative", leaf(" "), HTML), "designed"), (multi("mixed", FILE), ""), (multi("mixed", FILE, HTML), "designed"),
    (leaf("> sitert\r\nsvar"), "svar"),
    (leaf("<p>First<p>Sec<b>ond</b><td>x<td>y", "text/html"), "First Second x y"),
    (leaf('<a href="https://x.example">les</a> <img alt="logo" src=x>mer &aring;', "text/html"), "les mer å"),
    (leaf('<div style="display:none">skjult</div>Hei', "text/html"), "Hei"),
    (leaf("<style>p{}</style><!-- x -->Hei&zwnj;&nbsp;", "text/html"), "Hei"),
    (leaf("ord " * 1000), ("ord " * 50).strip()),
    (leaf("日本語 \r\nテキスト", "text/plain; charset=utf-8; format=flowed; delsp=yes"), "日本語テキスト"),
    (leaf(" >no quote\r\n> one", "text/plain; format=flowed"), ">no quote"),
    (leaf("<bold>Hei</bold>", "text/enriched"), "Hei"),
])  # fmt: skip
def test_a_preview_is_what_a_reader_sees_first(message, words):
    found = preview(message.encode())
    assert found == words
    assert len(found) <= MOST

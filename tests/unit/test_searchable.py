"""Searchable text of a message: all that a reader sees as text."""

import pytest

from mailcore.mail.reading.text import fold
from mailcore.mail.showing import searchable
from tests.unit.test_body import FILE, HTML, PLAIN, leaf, multi

INNER = "Subject: =?utf-8?q?=C3=85rsm=C3=B8te?=\r\nFrom: kari@x.example\r\n"


@pytest.mark.parametrize(("message", "in_body", "in_fields", "nowhere"), [
    (leaf("<p>Velkommen til &aring;rsm&oslash;te</p>", "text/html"), ["velkommen til årsmøte"], [], ["aring", "<p>"]),
    (leaf("å<b>rs</b>mø&shy;te<i>r</i>", "text/html"), ["årsmøter"], [], ["<b>"]),
    (leaf('a<p style="display:none">skjult</p><style>sheet{}</style><!-- comment -->', "text/html"), [],
     [], ["skjult", "sheet", "comment"]),
    (leaf("<td>Sum<td>100", "text/html"), ["sum 100"], [], ["sum100"]),
    (leaf('<a href="https://x.example/a">les</a><img alt="logoen">', "text/html"), ["https://x.example/a", "logoen"], [], []),
    (leaf("en lang \r\nlinje", "text/plain; format=flowed"), ["lang linje"], [], []),
    (multi("mixed", PLAIN, leaf("x", "application/pdf", 'Content-Disposition: attachment; filename="plan b.pdf"\r\n')),
     ["plain"], ["plan b.pdf", "content-disposition"], []),
    (multi("mixed", PLAIN, leaf("x", "application/pdf", "Content-Disposition: attachment; filename*=utf-8''%C3%86re.pdf\r\n")),
     [], ["ære.pdf"], []),
    (multi("mixed", PLAIN, leaf(INNER + "\r\ninside", "message/rfc822")), ["plain", "inside"],
     ["årsmøte", "kari@x.example"], []),
    (multi("mixed", leaf(INNER + multi("alternative", PLAIN, HTML, FILE, boundary="c"), "message/rfc822")),
     ["plain", "designed"], ["årsmøte", "a.pdf"], []),
    (multi("report", PLAIN, leaf("Final-Recipient: rfc822; nobody@x.example\r\nAction: failed", "message/delivery-status")),
     ["nobody@x.example"], ["message/delivery-status"], []),
    (multi("mixed", PLAIN, leaf("BEGIN:VCALENDAR\r\nSUMMARY:Lunsj", "text/calendar")), ["lunsj"], [], []),
    (multi("mixed", PLAIN, leaf("BEGIN:VCALENDAR\r\nSUMMARY:Lun\r\n sj", "text/calendar")), ["lunsj"], [], []),
    (multi("mixed", PLAIN, leaf("U3ViamVjdDogaW5uZQoKVGVrc3Q=", "message/rfc822", "Content-Transfer-Encoding: base64\r\n")),
     ["plain", "tekst"], ["inne"], ["u3viamv"]),
    (multi("mixed", PLAIN, leaf("binary", "application/octet-stream")), [], [], ["binary"]),
    ("Content-Type: multipart/mixed; boundary=zzz\r\n\r\n--b\r\n\r\nhello visible\r\n--b--\r\n", ["hello visible"], [], []),
    (multi("mixed", leaf(""), preamble="words before\r\n"), ["words before"], [], []),
    ("Subject: top\r\n\r\nx", ["x"], [], ["top"]),
])  # fmt: skip
def test_what_is_text_is_found(message, in_body, in_fields, nowhere):
    found = searchable.read(message.encode())
    assert [word for word in in_body if fold(word) not in found.body] == []
    assert [word for word in in_fields if fold(word) not in found.fields or fold(word) in found.body] == []
    assert [word for word in nowhere if fold(word) in found.body + found.fields] == []

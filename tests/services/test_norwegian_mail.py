"""Mail of people who have studied in Norway, by the start-up model alone: nothing of it stands in Junk, and most spam does.

The letters are the project's own, and none of them is in what the model was trained with.  As the same hands wrote both, they
measure little, and guard what must never happen.
"""

from pathlib import Path

import pytest

from mailcore.mail.judging.arithmetic import Source, judge
from mailcore.mail.judging.evidence import list_evidence
from mailcore.mail.judging.signs import list_signs
from mailcore.mail.reading.message import Message
from mailcore.services.filtering.judging import BARS, get_startup_model, number_signs

LETTERS = [
    line.split(" | ")
    for line in Path(__file__).with_name("norwegian_letters.txt").read_text().splitlines()
    if line[0] != "#"
]
GOOD = [letter[1:] for letter in LETTERS if letter[0] == "ham"]
BAD = [letter[1:] for letter in LETTERS if letter[0] == "spam"]


def write(author: str, subject: str, body: str, *, is_html: bool) -> bytes:
    host = author.rpartition("@")[2].rstrip(">")
    lines = body.replace("{u}", f"https://www.{host}/n/4711").split(" / ")
    if is_html:
        text = "<html><body><table><tr><td>" + "".join(f"<p>{line}</p>" for line in lines)
        text = f"{text}<a href='https://www.{host}/'><img src='https://www.{host}/logo.png'></a></td></tr></table></body></html>"
    else:
        text = "\r\n\r\n".join(lines) + "\r\n"
    head = f"From: {author}\r\nTo: Kari Holm <kari@alumni.example>\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
    head += f"Date: Tue, 24 Nov 2026 10:00:00 +0100\r\nMessage-ID: <4711@{host}>\r\n"
    return f"{head}Content-Type: text/{'html' if is_html else 'plain'}; charset=utf-8\r\n\r\n{text}".encode()


def judge_alone(octets: bytes) -> float:
    model = get_startup_model()
    signs = list_signs(Message(octets), ["dmarc:pass"])
    numbered = number_signs(signs)
    source = Source(model.counts.find(number for _, number in numbered), model.spam, model.ham, bias=model.bias)
    return judge(numbered, [source], list_evidence(signs)).probability


@pytest.mark.parametrize("is_html", [False, True], ids=["plain", "html"])
@pytest.mark.parametrize("letter", GOOD, ids=[subject for _, subject, _ in GOOD])
def test_what_people_here_wait_for_is_not_in_junk_on_the_first_day(letter, is_html):
    assert judge_alone(write(*letter, is_html=is_html)) < BARS["normal"]


@pytest.mark.parametrize("is_html", [False, True], ids=["plain", "html"])
def test_most_norwegian_spam_is_in_junk_on_the_first_day(is_html):
    caught = [judge_alone(write(*letter, is_html=is_html)) > BARS["normal"] for letter in BAD]
    assert sum(caught) >= 0.8 * len(caught)

"""Every error has one SMTP reply, and a reply is lines of printable ASCII."""

import re

import pytest

from mailcore import errors
from mailcore.domain import Refusal
from mailcore.services.tickets.ticket_inbox import LATER
from mailcore.smtp.reply import REPLIES, rejected, reply_to
from tests.unit.test_errors import leaves

LINE = re.compile(r"[245]\d\d[ -][245]\.\d\.\d{1,2} [\x20-\x7e]{1,480}\Z")


OURS = [error for error in leaves(errors.MailError) if error.__module__ == errors.__name__]


@pytest.mark.parametrize("error", OURS, ids=lambda e: e.__name__)
def test_every_error_has_a_reply(error):
    assert error in REPLIES, "a row of mailcore/smtp/reply.py"
    assert LINE.match(REPLIES[error])
    assert REPLIES[error].startswith("4") or not error.temporary


def test_the_code_and_the_enhanced_code_agree():
    assert all(text[0] == text[4] for text in REPLIES.values())


def test_what_we_do_not_know_is_temporary_and_tells_nothing():
    assert reply_to(ZeroDivisionError("a secret")) == "451 4.3.0 Try again later"


@pytest.mark.parametrize(("reason", "reply"), [
    ("Not here", "550 5.7.1 Not here"),
    ("one\ntwo", "550-5.7.1 one\r\n550 5.7.1 two"),
    ("one\r\n\r\n250 OK\x00\x1b", "550-5.7.1 one\r\n550 5.7.1 250 OK  "),
    ("", "550 5.7.1 Refused by the recipient"),
    ("Write carefully", "550 5.7.1 Write carefully"),
    ("Nå", "550 5.7.1 N?"),
])  # fmt: skip
def test_a_scripts_words_become_reply_lines(reason, reply):
    assert rejected(reason) == reply
    assert reply_to(errors.RejectedByScript(reason)) == (reply if reason else REPLIES[errors.RejectedByScript])


def test_refusals_of_the_service_have_replies_of_their_own():
    assert rejected(errors.MAILBOX_FULL, Refusal.FULL) == "552 5.2.2 Postboksen er full / The mailbox is full"
    assert rejected(LATER, Refusal.LATER) == f"450 4.7.1 {LATER}"
    assert rejected(errors.MAILBOX_FULL) == f"550 5.7.1 {errors.MAILBOX_FULL}"  # a script may say the same words
    assert reply_to(errors.RejectedByScript(LATER, Refusal.LATER)) == f"450 4.7.1 {LATER}"

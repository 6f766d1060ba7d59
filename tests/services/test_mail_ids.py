"""One id from the session that a message came in by to the last try of what it caused, in a log without addresses."""

import asyncio
import io
import json
import logging
import re
import subprocess
import sys

import pytest

from mailcore import core as cores
from mailcore import log as logs
from mailcore.domain import Envelope
from mailcore.log import JsonFormatter, TextFormatter, about_mail, current_mail_id, log_message
from mailcore.services.accounts import accounts
from mailcore.services.delivery import submission
from mailcore.services.forwarding import forwarding
from mailcore.store.queue.items import list_items
from tests.services.test_queue_worker import at_work, until
from tests.smtp_talk import SECRET, build, inbox, talk

FRIEND = "ola@elsewhere.example"
BODY = "From: kari@outside.example\r\nSubject: secret words\r\n\r\nhei\r\n.\r\n"


@pytest.fixture
def core(tmp_path):
    built = build(tmp_path)
    yield built
    cores.close(built)


@pytest.fixture
def written(monkeypatch):
    """Give the lines of the log as objects, so far."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    # aiosmtpd, which is the server of the target, too, tells each command, as start_logging knows
    commands = logging.getLogger("mail.log")
    level_of_commands = commands.level
    commands.setLevel(logging.WARNING)
    root, messages = logging.getLogger(), logging.getLogger(logs.MESSAGES)
    root.addHandler(handler)
    level, of_messages = root.level, messages.level
    root.setLevel(logging.INFO)
    messages.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().split("\n") if line]
    commands.setLevel(level_of_commands)
    root.removeHandler(handler)
    root.setLevel(level)
    messages.setLevel(of_messages)


def events(lines: list[dict], mail_id: str) -> list[str]:
    return [line["event"] for line in lines if line.get("mail") == mail_id]


def receive(core) -> str:
    """Take in a message for ola; return the id that the reply has."""
    replies: list[str] = []

    async def play(connect):
        client = await connect()
        sent = "MAIL FROM:<kari@outside.example>\r\nRCPT TO:<ola@alumni.example>\r\nDATA\r\n"
        replies.extend(await client.say(sent + BODY, 4))

    talk(core, play)
    return replies[-1].rpartition(" ")[2]


def test_a_forwarded_message_has_one_id_from_smtp_to_the_last_try(core, written):
    ola = accounts.find_account(core, "ola")
    forwarding.set_forwarding(core, ola.id, FRIEND, copy=True, confirmed=True)
    mail_id = receive(core)
    assert re.fullmatch("[0-9a-f]{12}", mail_id)
    [item] = core.db.read(list_items)
    assert item.mail_id == mail_id

    async def send() -> bytes:
        async with at_work(core) as (_here, _worker, peer):
            peer.answers[FRIEND] = "451 4.7.1 later"
            await until(lambda: any(one.tries for one in core.db.read(list_items)))
            peer.answers[FRIEND] = "250 OK"
            core.db.write(lambda tx: tx.run("UPDATE queue SET next_at=0"))
            await until(lambda: not core.db.read(list_items))
            return peer.mail[0][2]

    sent = asyncio.run(send())
    lines = written()
    assert events(lines, mail_id) == ["delivered", "received", "deferred", "sent"]
    assert f"id {mail_id}".encode() in sent
    assert f"id {mail_id}".encode() in inbox(core, "ola")[-1]
    by_event = {line["event"]: line for line in lines if line.get("mail") == mail_id}
    assert by_event["received"] | {"by": "smtp", "recipients": 1, "reply": "250"} == by_event["received"]
    assert by_event["delivered"] | {"account": ola.id, "outcome": "filed"} == by_event["delivered"]
    assert by_event["sent"] | {"item": item.id, "origin": "forward", "tries": 2, "code": 250} == by_event["sent"]
    for word in ("@", "secret words"):
        assert not [line for line in lines if word in json.dumps(line)]


def test_what_is_refused_is_logged_too(core, written):
    async def play(connect):
        client = await connect()
        sent = "MAIL FROM:<kari@outside.example>\r\nRCPT TO:<ola@alumni.example>\r\nDATA\r\n"
        assert (await client.codes(sent + "bare\nline end\r\n.\r\n", 4)).endswith("550")

    talk(core, play)
    [line] = [line for line in written() if line["event"] == "received"]
    assert (line["reply"], len(line["mail"])) == ("550", 12)


def test_two_messages_of_a_connection_have_two_ids(core, written):
    async def play(connect):
        client = await connect()
        sent = "MAIL FROM:<kari@outside.example>\r\nRCPT TO:<ola@alumni.example>\r\nDATA\r\n"
        for _ in range(2):
            assert await client.codes(sent + BODY, 4) == "250 250 354 250"

    talk(core, play)
    assert len({line["mail"] for line in written() if line["event"] == "received"}) == 2
    assert current_mail_id() == ""


@pytest.mark.parametrize("by_program", [True, False])
def test_what_is_sent_has_one_id_and_its_reports_have_it_too(core, written, by_program):
    """By a mail program, and by the webmail, which goes through no SMTP."""
    ola = accounts.find_account(core, "ola")
    octets = b"From: ola@alumni.example\r\nSubject: secret words\r\n\r\nhei\r\n"
    if by_program:

        async def play(connect):
            client = await connect()
            assert (await client.say(f"AUTH PLAIN {SECRET}\r\n"))[0][:3] == "235"
            sent = f"MAIL FROM:<ola@alumni.example>\r\nRCPT TO:<{FRIEND}>\r\nDATA\r\n{octets.decode()}.\r\n"
            assert (await client.codes(sent, 4))[-3:] == "250"

        talk(core, play, "submissions")
    else:
        asyncio.run(submission.submit(core, ola, Envelope("ola@alumni.example", (FRIEND,)), octets))
    [item] = core.db.read(list_items)

    async def send() -> None:
        async with at_work(core) as (_here, _worker, peer):
            peer.answers[FRIEND] = "550 5.1.1 nobody here"
            await until(lambda: len(inbox(core, "ola")) > 1 and not core.db.read(list_items))

    asyncio.run(send())
    lines = written()
    assert events([line for line in lines if line["logger"] == logs.MESSAGES], item.mail_id) == [
        "submitted",
        *(["received"] if by_program else []),
        "failed",
        "delivered",  # the report
        "sent",
    ]
    assert "queue item 1 failed for good with 550" in events(lines, item.mail_id)


def test_threads_and_writes_know_the_message(core):
    async def ask() -> list[str]:
        with about_mail("abc"):
            return [
                await core.threads.run(current_mail_id),
                await core.threads.run_waiting(current_mail_id),
                await core.db.aread(lambda tx: current_mail_id()),
                await core.db.awrite(lambda tx: current_mail_id()),
            ]

    assert asyncio.run(ask()) == ["abc"] * 4
    assert asyncio.run(core.threads.run(current_mail_id)) == ""
    assert core.db.write(lambda tx: current_mail_id()) == ""


def record(text: str, **facts: object) -> logging.LogRecord:
    made = logging.LogRecord("mailcore.x", logging.INFO, "x.py", 1, text, (), None)
    made.facts = facts
    return made


def test_a_line_is_a_line_whatever_stands_in_it():
    formatter = JsonFormatter()
    strange = 'a "word"\nand\u2028more \ud800'
    line = formatter.format(record(strange, host="mx\n.example"))
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line)["event"] == strange
    try:
        raise ValueError("no")
    except ValueError:
        failed = record("it failed")
        failed.exc_info = sys.exc_info()
    told = json.loads(formatter.format(failed))
    assert told["trace"].startswith("Traceback")
    assert told["level"] == "INFO"
    with about_mail("abc"):
        text = TextFormatter("%(message)s").format(record("sent", code=250, host="mx of x"))
    assert text == 'sent code=250 host="mx of x" mail=abc'


def test_nothing_is_said_of_messages_unless_the_settings_ask_for_it():
    script = (
        "import sys, logging; from mailcore.log import start_logging, log_message, log_for\n"
        "start_logging(sys.argv[1], messages=sys.argv[2] == 'yes'); log_message('sent', code=250)\n"
        "log_for('mailcore.x').info('up')"
    )

    def run(form: str, messages: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", script, form, messages], capture_output=True, text=True, check=True
        )
        return done.stderr.splitlines()

    assert [line.rpartition("mailcore.")[2] for line in run("text", "yes")] == ["messages sent code=250", "x up"]
    assert [line.rpartition("mailcore.")[2] for line in run("text", "no")] == ["x up"]
    assert [json.loads(line)["event"] for line in run("json", "yes")] == ["sent", "up"]


def test_logging_of_messages_is_off_by_default(core, capsys):
    assert not logging.getLogger(logs.MESSAGES).isEnabledFor(logging.INFO)
    log_message("sent")
    assert capsys.readouterr().err == ""

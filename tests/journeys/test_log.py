"""The log of a whole service as programs read it, and its spans: each line is an object, and one id goes through all."""

import json
import smtplib

import pytest

from tests import collector
from tests.journeys.conftest import PASSWORD, House, Sink
from tests.machine import until

MESSAGE = "From: friend@outside.example\r\nSubject: secret words\r\n\r\nhei\r\n"
FRIEND = "ola@elsewhere.example"


def read(house: House) -> list[dict]:
    """Read the lines since the start; `ready` is a word for whoever started it, on standard output."""
    lines = (house.folder / "log").read_text().split("\n")
    return [json.loads(line) for line in lines if line not in ("", "ready")]


@pytest.fixture
def spans():
    with collector.running() as running:
        yield running


def test_one_id_goes_through_all_processes_and_each_line_is_an_object(tmp_path, spans):
    sink = Sink()
    more = f'[log]\nformat = "json"\nmessages = true\n[opentelemetry]\nendpoint = "{spans.url}"'
    house = House(tmp_path, sink, workers=1, more=more)
    house.run("init")
    house.run("user", "add", "ola", "--password-stdin", given=f"{PASSWORD}\n")
    house.run("forward", "set", "ola", FRIEND, "--confirmed")
    try:
        house.start()
        with smtplib.SMTP("127.0.0.1", house.ports["smtp"]) as client:
            client.ehlo("outside.example")
            client.mail("friend@outside.example")
            client.rcpt("ola@alumni.example")
            mail_id = client.data(MESSAGE)[1].decode().split()[-1]
        assert until(lambda: any(line["event"] == "sent" for line in read(house)))
        lines = [line for line in read(house) if line.get("mail") == mail_id]
        house.stop()
    finally:
        house.kill()
        sink.stop()
    assert {line["event"] for line in lines} >= {"received", "delivered", "sent"}
    assert len({line["process"] for line in lines}) == 2  # mail and queue
    text = (house.folder / "log").read_text()
    assert "elsewhere.example" not in text
    assert "secret words" not in text
    assert {(span.process, span.name) for span in spans.spans} >= {("mail", "receive"), ("queue", "attempt")}
    of_message = [span for span in spans.spans if span.facts["mail.id"] == mail_id]
    assert len({span.trace for span in of_message}) == 1
    assert {span.parent for span in of_message} - {span.id for span in of_message} == {""}
    assert read(house)  # to the last line, also of the portal that was stopped

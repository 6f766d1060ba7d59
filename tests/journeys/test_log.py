"""The log of a whole service as programs read it: each line of each process is an object, and one id goes through all."""

import json
import smtplib

from tests.journeys.conftest import PASSWORD, House, Sink
from tests.machine import until

MESSAGE = "From: friend@outside.example\r\nSubject: secret words\r\n\r\nhei\r\n"
FRIEND = "ola@elsewhere.example"


def read(house: House) -> list[dict]:
    """Read the lines since the start; `ready` is a word for whoever started it, on standard output."""
    lines = (house.folder / "log").read_text().split("\n")
    return [json.loads(line) for line in lines if line not in ("", "ready")]


def test_one_id_goes_through_all_processes_and_each_line_is_an_object(tmp_path):
    sink = Sink()
    house = House(tmp_path, sink, workers=1, more='[log]\nformat = "json"\nmessages = true')
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
    assert read(house)  # to the last line, also of the portal that was stopped

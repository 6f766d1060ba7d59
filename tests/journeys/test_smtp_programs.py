"""Other people's SMTP programs against ours: swaks, msmtp, Postfix's smtp-source, Python's smtplib."""

import smtplib
import ssl
import subprocess
from collections.abc import Iterator

import pytest

from tests.journeys.conftest import PASSWORD, House, Sink
from tests.journeys.test_message_travels import imap, subjects
from tests.machine import program, until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[House]:
    sink = Sink()
    made = House(tmp_path_factory.mktemp("house"), sink, workers=0)
    made.start()
    for name in ("ola", "kari"):
        made.run("user", "add", name, "--password-stdin", given=PASSWORD)
    yield made
    made.kill()
    sink.stop()


def swaks(house: House, listener: str, *words: str) -> subprocess.CompletedProcess:
    command = [
        program("swaks"),
        "--server",
        "127.0.0.1",
        "--port",
        str(house.ports[listener]),
        "--helo",
        "client.example",
    ]
    return subprocess.run([*command, *words], capture_output=True, text=True, timeout=120)


def found(house: House, name: str = "kari") -> list[str]:
    with imap(house, name) as client:
        return subjects(client)


SEND = [
    "--from",
    "ola@alumni.example",
    "--to",
    "kari@alumni.example",
    "--auth-user",
    "ola",
    "--auth-password",
    PASSWORD,
]


def test_s17b_swaks_submits_and_delivers(house):
    ways = [
        ("submission", ["--tls", "--auth", "PLAIN"]),
        ("submission", ["--tls", "--auth", "LOGIN"]),
        ("submissions", ["--tls-on-connect", "--auth", "PLAIN"]),
        ("submissions", ["--tls-on-connect", "--pipeline", "--auth", "PLAIN"]),
    ]
    for listener, words in ways:
        done = swaks(
            house, listener, *SEND, *words, "--header", "Subject: from swaks", "--header", "From: ola@alumni.example"
        )
        assert done.returncode == 0, done.stdout
    outside = ["--from", "a@outside.example", "--to", "kari@alumni.example", "--header", "Subject: from swaks"]
    for words in ([], ["--tls"], ["--tls", "--pipeline"]):
        done = swaks(house, "smtp", *outside, *words)
        assert done.returncode == 0, done.stdout
    assert found(house).count("from swaks") == len(ways) + 3


def test_msmtp_submits_with_scram_and_a_checked_certificate(house, tmp_path):
    config = tmp_path / "msmtprc"
    config.write_text(
        f"account default\nhost localhost\nport {house.ports['submission']}\nfrom ola@alumni.example\nauth on\nuser ola\n"
        f'password "{PASSWORD}"\ntls on\ntls_starttls on\ntls_trust_file {house.folder}/var/tls/ca.pem\n'
    )
    config.chmod(0o600)
    message = "From: ola@alumni.example\nTo: kari@alumni.example\nSubject: from msmtp\n\n.dot\n..\n"
    command = [program("msmtp"), "-C", str(config), "--debug", "kari@alumni.example"]
    done = subprocess.run(command, input=message, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "from msmtp" in found(house)


def test_smtp_source_sends_many_at_once(house):
    command = [program("smtp-source"), "-s", "10", "-m", "200", "-l", "4096"]
    command += ["-f", "a@outside.example", "-t", "kari@alumni.example"]
    before = len(found(house))
    subprocess.run([*command, f"127.0.0.1:{house.ports['smtp']}"], check=True, timeout=180)
    assert len(found(house)) == before + 200


def test_smtplib_sends_letters_beyond_ascii(house):
    context = ssl.create_default_context(cafile=str(house.folder / "var/tls/ca.pem"))
    with smtplib.SMTP("localhost", house.ports["submission"], timeout=60) as client:
        client.starttls(context=context)
        client.login("ola@alumni.example", PASSWORD)
        body = "From: Ola Nordmæn <ola@alumni.example>\r\nSubject: blåbær\r\n\r\nhei\r\n".encode()
        options = ["SMTPUTF8", "BODY=8BITMIME"]
        client.sendmail(
            "ola@alumni.example", ["kåre@outside.example", "kari@alumni.example"], body, mail_options=options
        )
    assert "blåbær" in found(house)
    assert until(lambda: len(found(house, "ola")) == 2)  # the sink knows no such letters: a report comes back


def test_s17b_swaks_without_tls_is_offered_no_log_in(house):
    """`plaintext = "loopback"` is for measurements; here it is off."""
    house.stop()
    house.config.write_text(house.config.read_text().replace('plaintext = "loopback"', 'plaintext = "no"'))
    house.start()
    done = swaks(house, "submission", *SEND, "--auth", "PLAIN")
    assert done.returncode != 0
    assert "AUTH" not in done.stdout.replace("** Host did not advertise authentication", "").replace("*** ", "")
    done = swaks(house, "submission", "--from", "ola@alumni.example", "--to", "kari@alumni.example")
    assert "530 5.7.0 Must issue a STARTTLS command first" in done.stdout
    done = swaks(house, "smtp", "--tls", *SEND)
    assert "AUTH" not in [line.split()[-1] for line in done.stdout.splitlines() if line.startswith(" <~ ")]

"""From nothing to a mailbox that receives, filters, forwards, refuses and sends, with real programs at both ends."""

import re
import ssl
import subprocess

import pytest
from imapclient import IMAPClient

from tests.journeys.conftest import PASSWORD, Browser, House
from tests.machine import program, until
from tests.readers import text_of

pytestmark = [
    pytest.mark.interop,
    # the libraries at the other end leave sockets to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
LINK = re.compile(r"(https?://\S+/password/\S+)")


def swaks(house: House, *words: str, port: str = "smtp") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("swaks"), "--server", f"127.0.0.1:{house.ports[port]}", "--helo", "outside.example", *words],
        capture_output=True,
        text=True,
        timeout=120,
    )


def imap(house: House, name: str, password: str = PASSWORD) -> IMAPClient:
    context = ssl.create_default_context(cafile=str(house.folder / "var/tls/ca.pem"))
    client = IMAPClient("localhost", house.ports["imaps"], ssl=True, ssl_context=context)
    client.login(name, password)
    return client


def subjects(client: IMAPClient, mailbox: str = "INBOX") -> list[str]:
    client.select_folder(mailbox, readonly=True)
    found = client.fetch(client.search(), ["ENVELOPE"])
    return [(item[b"ENVELOPE"].subject or b"").decode() for item in found.values()]


def ordered_person(house: House, name: str) -> Browser:
    """Order in the portal, approval on the command line, password by the one-time link."""
    browser = Browser(house)
    page = browser.post(
        "/order",
        display_name="Ola Nordmann",
        name=name,
        contact=f"{name}@outside.example",
        affiliation="former student",
        terms="y",
    )
    assert 'role="alert"' not in page
    number = re.search(r"(?m)^(\d+)\s", house.run("order", "list"))
    assert number is not None
    approved = house.run("order", "approve", number[1])
    link = LINK.search(approved)
    assert link is not None, approved
    assert "password" in browser.get(link[1])  # looking does not spend it
    page = browser.post(link[1], password=PASSWORD, again=PASSWORD)
    assert 'id="quota"' in page
    return browser


def test_a_message_travels_through_the_whole_house(build, sink):
    house = build(workers=2)
    browser = ordered_person(house, "ola")

    # Mail comes in and is seen at once, also by a client in IDLE (of whichever worker).
    clients = [imap(house, "ola") for _ in range(4)]
    for client in clients:
        client.select_folder("INBOX")
        client.idle()
    done = swaks(
        house, "--from", "friend@outside.example", "--to", "OLA+x@alumni.example", "--header", "Subject: first"
    )
    assert done.returncode == 0, done.stdout
    for client in clients:
        assert until(lambda client=client: any(item[1] == b"EXISTS" for item in client.idle_check(timeout=1)))
        client.idle_done()
        assert "first" in subjects(client)

    # Forwarding with a copy, set in the portal and confirmed by whoever reads there.
    page = browser.post("/forwarding", target="ola@elsewhere.example", copy="y", password=PASSWORD)
    assert "ola@elsewhere.example" in page
    assert until(lambda: any(to == "ola@elsewhere.example" for _, to, _ in sink.mail))
    question = text_of(next(octets for _, to, octets in sink.mail if to == "ola@elsewhere.example"))
    link = re.search(r"https?://\S+/forwarding/confirm/\S+", question)
    assert link is not None, question
    Browser(house).post(link[0])
    sink.mail.clear()
    swaks(house, "--from", "friend@outside.example", "--to", "ola@alumni.example", "--header", "Subject: second")
    assert until(lambda: len(sink.mail) > 0)
    sender, target, octets = sink.mail[0]
    assert target == "ola@elsewhere.example"
    assert sender.endswith("@srs.alumni.example")
    assert b"Subject: second" in octets
    assert "second" in subjects(clients[0])
    assert '"state": "healthy"' in house.run("forward", "show", "ola", "--json")

    # Sending, by STARTTLS and by TLS, from an own address only, signed.
    sink.mail.clear()
    for port, tls in (("submission", "-tls"), ("submissions", "-tlsc")):
        words = [
            "--auth",
            "PLAIN",
            "--auth-user",
            "ola",
            "--auth-password",
            PASSWORD,
            tls,
            "--to",
            "friend@outside.example",
        ]
        done = swaks(house, *words, "--from", "ola@alumni.example", "--header", f"Subject: {port}", port=port)
        assert done.returncode == 0, done.stdout
        assert swaks(house, *words, "--from", "kari@alumni.example", port=port).returncode != 0
        assert swaks(
            house, *words[:6], "--to", "friend@outside.example", "--from", "ola@alumni.example", port="smtp"
        ).returncode
    assert until(lambda: len(sink.mail) == 2)
    for sender, _, octets in sink.mail:
        assert sender == "ola@alumni.example"
        assert octets.count(b"DKIM-Signature:") == 2
    assert swaks(house, "--from", "a@b.example", "--to", "nobody@alumni.example").stdout.count("550 5.1.1") == 1
    house.stop()


def test_a_sieve_client_stores_and_activates_a_script(build, tmp_path):
    house = build()
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    script = tmp_path / "work.sieve"
    script.write_text('require "fileinto";\nif header :contains "subject" "work" { fileinto "Archive"; }\n')
    client = [
        program("sieve-connect"), "--server", "localhost", "--port", str(house.ports["managesieve"]), "--user", "ola",
        "--tlscafile", str(house.folder / "var/tls/ca.pem"), "--passwordfd", "0",
    ]  # fmt: skip
    for words in (["--localsieve", str(script), "--upload"], ["--remotesieve", "work.sieve", "--activate"]):
        done = subprocess.run([*client, *words], input=PASSWORD + "\n", capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
    for subject in ("work to do", "play"):
        swaks(house, "--from", "a@outside.example", "--to", "ola@alumni.example", "--header", f"Subject: {subject}")
    with imap(house, "ola") as mail:
        assert "work to do" in subjects(mail, "Archive")
        assert "play" in subjects(mail)


def test_s20_a_full_box_refuses_in_the_session_and_the_other_recipient_gets_it(build, tmp_path):
    house = build(quota="60K")
    for name in ("ola", "kari"):
        house.run("user", "add", name, "--password-stdin", given=PASSWORD)
    big = tmp_path / "big"
    big.write_text("Subject: big\n\n" + "x" * 70 + "\n" + ("y" * 70 + "\n") * 900)
    assert swaks(house, "--from", "a@b.example", "--to", "ola@alumni.example", "--data", f"@{big}").returncode == 0
    done = swaks(
        house, "--from", "a@b.example", "--to", "ola@alumni.example,kari@alumni.example", "--header", "Subject: two"
    )
    assert "552 5.2.2" in done.stdout
    with imap(house, "kari") as mail:
        assert "two" in subjects(mail)
    with imap(house, "ola") as mail:
        assert "two" not in subjects(mail)
        assert mail.get_quota()[0].usage > mail.get_quota()[0].limit


def test_s18_a_new_account_has_two_gib_in_kib(build):
    house = build()
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    with imap(house, "ola") as mail:
        assert [(quota.usage, quota.limit) for quota in mail.get_quota()] == [(0, 2097152)]
        names = {name for _, _, name in mail.list_folders()}
        assert {"INBOX", "Drafts", "Sent", "Junk", "Trash"} <= names


def test_a_port_in_use_and_a_broken_setting_are_one_line(build, tmp_path):
    house = build()
    other = tmp_path / "other.toml"
    other.write_text(house.config.read_text().replace(f"{house.folder}/var", f"{tmp_path}/elsewhere"))
    command = [house.command()[0], "--config", str(other), "serve", "--one"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "in use" in done.stderr.splitlines()[-1]
    broken = tmp_path / "broken.toml"
    broken.write_text('domian = "x"\n')
    done = subprocess.run(
        [house.command()[0], "--config", str(broken), "init"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"alumnimail: {broken}: unknown setting domian; did you mean domain?"]


def test_s05_postmaster_and_abuse_always_exist_and_any_case_and_plus_reach_the_same_box(build):
    house = build()
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    for address in (
        "postmaster@alumni.example",
        "abuse@alumni.example",
        "OLA@Alumni.Example",
        "ola+liga@alumni.example",
    ):
        done = swaks(house, "--from", "a@outside.example", "--to", address, "--header", f"Subject: {address}")
        assert done.returncode == 0, done.stdout
    with imap(house, "ola") as mail:
        assert {"OLA@Alumni.Example", "ola+liga@alumni.example"} <= set(subjects(mail))
    for address in ("o.la@alumni.example", "nobody@alumni.example"):
        assert "550 5.1.1" in swaks(house, "--from", "a@outside.example", "--to", address).stdout
    assert "550 5.7.1" in swaks(house, "--from", "a@outside.example", "--to", "x@elsewhere.example").stdout

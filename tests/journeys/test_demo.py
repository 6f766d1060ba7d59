"""`make run`: somebody starts the demo and tries what its guide tells."""

import imaplib
import re
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from mailcore.cli import demo
from tests.journeys.conftest import Browser
from tests.machine import free_port, until

pytestmark = pytest.mark.slow


class Demo:
    """`alumnimail demo` in a folder of its own, on free ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "var").mkdir()
        text = re.sub(r"127\.0\.0\.1:\d+", lambda _: f"127.0.0.1:{free_port()}", demo.TOML + demo.DIRECTORY)
        (folder / demo.SETTINGS).write_text(text)
        self.ports = {key: int(port) for key, port in re.findall(r'(\w+) = "127\.0\.0\.1:(\d+)"', text)}

    def start(self) -> str:
        """Give the guide that it prints."""
        log = self.folder / "log"
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).parent / "alumnimail"), "demo"],
                cwd=self.folder,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        assert until(lambda: b"ready\n" in log.read_bytes() or self.process.poll() is not None, 120), log.read_text()
        assert self.process.poll() is None, log.read_text()
        return log.read_text()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)  # Ctrl-C
        assert self.process.wait(60) == 0

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports['http']}{path}"

    def messages(self, name: str, password: str) -> int:
        """How many the INBOX has."""
        tls = ssl.create_default_context(cafile=str(self.folder / "var/tls/ca.pem"))
        client = imaplib.IMAP4_SSL("127.0.0.1", self.ports["imaps"], ssl_context=tls)
        try:
            client.login(name, password)
            [count] = client.select("INBOX")[1]
            return int(count or b"")
        finally:
            client.logout()


@pytest.fixture
def started(tmp_path):
    made = Demo(tmp_path)
    guide = made.start()
    yield made, guide
    made.kill()


def test_s12_the_demo_shows_both_passwords_and_an_order_at_once(started):
    made, guide = started
    alumni = re.search(r"alumni password +(\S+)", guide)[1]
    university = re.search(r"university password +(\S+)", guide)[1]
    assert made.messages("ola", alumni) == 1
    assert made.messages("ola", university) == 1
    with pytest.raises(imaplib.IMAP4.error):
        made.messages("nils", university)

    browser = Browser(made)
    browser.post("/order/university?lang=en", username="nils", password=university)
    assert "nils@alumni.example" in browser.post("/order/account", name="nils", contact="nils@home.example", terms="y")
    assert made.messages("nils", university) == 1

    ola = Browser(made)
    ola.post("/login?lang=en", username="ola", password=university)
    assert "university password" in ola.get("/account/logins?lang=en")
    made.stop()

    assert made.start().split("Try first")[0] == guide.split("Try first")[0]
    assert made.messages("ola", alumni) == 1
    assert made.messages("nils", university) == 1
    made.stop()

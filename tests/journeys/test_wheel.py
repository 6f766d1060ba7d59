"""The wheel, installed into an environment that has nothing of ours, serves: pages, mail and scripts."""

import imaplib
import re
import smtplib
import ssl
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
from sievelib.managesieve import Client

from tests.journeys.conftest import PASSWORD, Browser, House, Sink

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SCRIPT = 'require ["fileinto", "mailbox"];\nif header :contains "subject" "minutes" { fileinto :create "Board"; }\n'


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run([ROOT / "tools/build-wheel", folder], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """Only the wheel is installed; what it depends on is that of the tests, so that nothing is downloaded."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin/python"
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    [site] = folder.glob("lib/python*/site-packages")
    # a path in a .pth file is searched last, and the .pth files there, which lead to this checkout, are not read
    (site / "of_the_tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


@pytest.fixture
def house(environment, tmp_path) -> Iterator[House]:
    sink = Sink()
    house = House(tmp_path, sink, workers=1)
    house.program = environment / "bin/alumnimail"
    house.starts_in = tmp_path
    house.start()
    yield house
    house.kill()
    sink.stop()


def test_what_is_imported_is_what_was_installed(environment, tmp_path):
    for package in ("sieve", "mailcore", "portal"):
        done = subprocess.run(
            [environment / "bin/python", "-c", f"import {package}; print({package}.__file__)"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout.startswith(str(environment)), done.stdout + done.stderr


def test_the_wheel_names_its_version_and_what_it_needs(wheel):
    with zipfile.ZipFile(wheel) as packed:
        [name] = (name for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = message_from_bytes(packed.read(name))
    pinned = re.findall(r"(?m)^[\w-]+==\S+$", (ROOT / "requirements.in").read_text())
    assert metadata["Version"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    needed = metadata.get_all("Requires-Dist") or []
    assert [one for one in needed if "extra ==" not in one] == pinned


@pytest.mark.filterwarnings("ignore:Credentials are sent")  # on loopback
def test_the_installed_wheel_serves_a_page_a_message_and_a_script(house):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert house.run("--version") == f"alumnimail, version {version}\n"
    done = house.run("user", "add", "ola", "--name", "Ola Nordmann", "--password-stdin", given=PASSWORD)
    assert "ola" in done
    scripts = Client("127.0.0.1", house.ports["managesieve"])
    assert scripts.connect("ola", PASSWORD)
    assert scripts.putscript("board", SCRIPT)
    assert scripts.setactive("board")
    scripts.logout()

    with smtplib.SMTP("127.0.0.1", house.ports["smtp"], local_hostname="outside.example") as client:
        client.sendmail(
            "friend@outside.example",
            ["ola@alumni.example"],
            "From: friend@outside.example\nSubject: minutes\n\nHello.\n",
        )
    tls = ssl.create_default_context(cafile=str(house.folder / "var/tls/ca.pem"))
    with imaplib.IMAP4_SSL("127.0.0.1", house.ports["imaps"], ssl_context=tls) as client:
        client.login("ola", PASSWORD)
        assert client.select("Board") == ("OK", [b"1"])
        assert b"Subject: minutes" in client.fetch("1", "(RFC822.HEADER)")[1][0][1]

    browser = Browser(house)
    assert 'id="quota"' in browser.post("/login?lang=nn", username="ola", password=PASSWORD)
    assert "Hello." in (browser.get("/mail/Board/1?lang=en"))
    # texts of the packages: the questions, a style sheet, a translation
    assert "IMAP" in browser.get("/help?lang=nb")
    assert "{" in browser.get("/look.css")

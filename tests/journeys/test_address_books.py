"""vdirsyncer, a program that others wrote, synchronises an address book with the webmail's (N35)."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.conftest import PASSWORD, Browser, House

pytestmark = [pytest.mark.interop, pytest.mark.slow]
CARD = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:kari-1\r\nFN:Kari Åsvik\r\nN:Åsvik;Kari;;;\r\nEMAIL;TYPE=INTERNET:kari@outside.example\r\n"
    "TEL;TYPE=CELL:+47 22 00 00 00\r\nPHOTO;ENCODING=b;TYPE=JPEG:" + "QUJD" * 20 + "\r\nEND:VCARD\r\n"
)


class Vdirsyncer:
    """A folder of cards on this machine that is kept the same as the server's."""

    def __init__(self, folder: Path, url: str) -> None:
        self.cards = folder / "cards" / "contacts"
        self.cards.mkdir(parents=True)
        self.config = folder / "vdirsyncer.conf"
        self.config.write_text(
            f'[general]\nstatus_path = "{folder}/status"\n[pair book]\na = "here"\nb = "there"\ncollections = ["contacts"]\n'
            f'conflict_resolution = "b wins"\n[storage here]\ntype = "filesystem"\npath = "{self.cards.parent}"\n'
            'fileext = ".vcf"\n'
            f'[storage there]\ntype = "carddav"\nurl = "{url}"\nusername = "ola"\npassword = "{PASSWORD}"\n'
        )

    def sync(self) -> None:
        for words in (["discover"], ["sync"]):
            done = subprocess.run(
                [Path(sys.executable).parent / "vdirsyncer", "--config", self.config, *words],
                input="y\n" * 5,
                capture_output=True,
                text=True,
                timeout=300,
            )
            assert done.returncode == 0, done.stdout + done.stderr

    def texts(self) -> list[str]:
        return [path.read_bytes().decode() for path in sorted(self.cards.iterdir())]


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    made = build(workers=1)
    made.run("user", "add", "ola", "--password-stdin", given=f"{PASSWORD}\n")
    return made


def test_n35_an_address_book_is_the_same_on_both_sides(house: House, tmp_path: Path) -> None:
    program = Vdirsyncer(tmp_path, house.url("/dav/"))
    (program.cards / "kari.vcf").write_bytes(CARD.encode())
    program.sync()
    browser = Browser(house)
    browser.post("/login", username="ola", password=PASSWORD)
    assert "kari@outside.example" in browser.get("/mail/contacts")
    browser.post("/mail/contacts", action="", address="per@outside.example", name="Per Ås", note="")
    program.sync()
    texts = program.texts()
    assert len(texts) == 2
    assert any(text.replace("\r\n", "\n").rstrip() == CARD.replace("\r\n", "\n").rstrip() for text in texts)
    assert any("FN:Per Ås" in text for text in texts)
    browser.post("/mail/contacts", action="", address="kari@outside.example", name="Kari Vik", note="")
    program.sync()
    [kari] = [text for text in program.texts() if "kari-1" in text]
    assert "FN:Kari Vik" in kari
    assert "TEL;TYPE=CELL:+47 22 00 00 00" in kari
    for path in program.cards.iterdir():
        path.unlink() if "kari-1" in path.read_text() else None
    program.sync()
    assert "kari@outside.example" not in browser.get("/mail/contacts")

"""The zoo in the webmail and the portal: every page that shows an animal, every form that begins with one."""

import io
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from html import unescape
from unicodedata import normalize

import pytest
from werkzeug.test import TestResponse

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.mail.showing.files import safe_name
from mailcore.services.accounts import accounts
from portal import create_app
from tests.mail.zoo.animals import Animal, all_animals
from tests.mail.zoo.keeper import Door
from tests.portal.conftest import PASSWORD, Browser
from tests.portal.mailing import put

pytestmark = pytest.mark.slow
PAGES = ("/print", "/header", "/source")
FORMS = ("reply=INBOX/{uid}", "reply=INBOX/{uid}&all=1", "forward=INBOX/{uid}", "forward=INBOX/{uid}&whole=1")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Core, Browser, dict[int, Animal]]]:
    """A browser that is logged in, and all animals in INBOX by uid."""
    core = cores.build(Config(data=str(tmp_path_factory.mktemp("zoo"))))
    ola = accounts.add_account(core, "ola", display_name="Ola", password=PASSWORD, language="en")
    animals = {put(core, ola, animal.octets): animal for animal in all_animals()}
    browser = Browser(create_app(core).test_client())
    browser.log_in()
    yield core, browser, animals
    cores.close(core)


def asked(browser: Browser, path: str, *codes: int) -> TestResponse:
    """The answer, which is one of these (200 without any), and text that can be sent."""
    answer = browser.get(path)
    octets = answer.get_data()
    assert answer.status_code in (codes or (200,)), f"{path}: {answer.status_code}"
    for value in answer.headers.values():
        value.encode("latin-1")
    if answer.mimetype.startswith("text/html"):
        octets.decode()
        assert b"\0" not in octets, f"{path} holds NUL"
    return answer


@cache
def message_page(browser: Browser, uid: int) -> str:
    """The page of a message, which several tests look at."""
    return asked(browser, f"/mail/INBOX/{uid}").text


def test_every_animal_is_shown(house) -> None:
    _core, browser, animals = house
    door = Door("web-pages")
    for page in ("", *PAGES):  # templates are compiled once, for whoever comes first
        asked(browser, f"/mail/INBOX/{next(iter(animals))}{page}")
    for uid, animal in animals.items():
        with door.animal(animal.id):
            message_page(browser, uid)
        for page in PAGES:
            with door.animal(animal.id):
                asked(browser, f"/mail/INBOX/{uid}{page}")
    door.close()


def test_every_html_frame_is_shown(house) -> None:
    _core, browser, animals = house
    door = Door("web-html")
    for uid, animal in animals.items():
        with door.animal(animal.id):
            for pictures in ("", "?pictures=1"):
                answer = asked(browser, f"/mail/INBOX/{uid}/html{pictures}", 200, 404)
                if animal.kind == "html":
                    assert answer.status_code == 200
                    shown = answer.text.lower()
                    assert not [word for word in ("<script", "javascript:", "onerror") if word in shown]
    door.close()


def test_every_file_and_all_as_zip_come_down(house) -> None:
    _core, browser, animals = house
    door = Door("web-files")
    for uid, animal in animals.items():
        with door.animal(animal.id):
            page = message_page(browser, uid)
            numbers = sorted({int(number) for number in re.findall(rf"/mail/INBOX/{uid}/file/(\d+)", page)})
            for number in numbers:
                for more in ("", "?inline=1"):
                    asked(browser, f"/mail/INBOX/{uid}/file/{number}{more}")
            answer = asked(browser, f"/mail/INBOX/{uid}/files.zip", 200, 404)
            if answer.status_code == 200:
                archive = zipfile.ZipFile(io.BytesIO(answer.get_data()))
                assert archive.testzip() is None
                assert len(archive.namelist()) == len(set(archive.namelist())) >= 1
                for name in archive.namelist():
                    assert not {"", ".", ".."} & set(name.split("/")), name
                    assert "\\" not in name
    door.close()


def test_every_animal_is_answered_and_forwarded(house) -> None:
    _core, browser, animals = house
    door = Door("web-forms")
    for uid, animal in animals.items():
        for form in FORMS:
            with door.animal(animal.id):
                asked(browser, "/mail/compose?" + form.format(uid=uid), 200, 302)
    door.close()


def test_lists_searches_and_threads_show_all_of_them(house) -> None:
    core, browser, animals = house
    door = Door("web-lists")
    paths = [f"/mail/?page={page}" for page in range(1, 40)] + [f"/mail/?thread=1&page={page}" for page in range(1, 4)]
    paths += [
        f"/mail/search?q={words}"
        for words in ("words", "a", "from:ann", "subject:Møte", "Blåbær", "has:file", "%22", "(")
    ]
    paths += [f"/quota?show={show}" for show in ("largest", "oldest", "newsletters", "forwarded")]
    paths += ["/quota", "/trace", "/account", "/takeout", "/mail/contacts"]
    for path in paths:
        with door.animal(path, most=2):
            asked(browser, path, 200, 204, 302, 404)
    with door.animal("/quota/choose", most=3):
        shown = browser.get("/quota?show=largest").text
        chosen = re.findall(r'name="message" value="([^"]+)"', shown)
        assert chosen
        assert browser.send("/quota", to="/quota/choose", message=chosen, show="largest").status_code == 200
    for uid, animal in animals.items():
        with door.animal(animal.id):
            asked(browser, f"/trace/of/INBOX/{uid}", 200, 302, 404)
    door.close()


def test_what_a_reader_sees_is_right(house) -> None:
    _core, browser, animals = house
    door = Door("web-right")
    for uid, animal in animals.items():
        if {"subject", "text", "files"} & set(animal.right):
            with door.animal(animal.id):
                page = normalize("NFC", unescape(message_page(browser, uid)))
                html = unescape(browser.get(f"/mail/INBOX/{uid}/html").text) if "/html" in page else ""
                shown = [
                    " ".join(text.split())
                    for text in (page, re.sub(r"<[^>]*>", "", page), re.sub(r"<[^>]*>", "", html))
                ]
                wanted = [animal.right.get("subject", ""), animal.right.get("text", "")]
                wanted += [safe_name(name) for name in animal.right.get("files", "").split(" | ") if name]
                for words in wanted:
                    assert any(normalize("NFC", words) in text for text in shown), f"no {words!r}"
    door.close()

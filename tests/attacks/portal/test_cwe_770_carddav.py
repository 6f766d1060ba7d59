"""CardDAV: a small question has no answer that fills the memory, and no question keeps a processor busy (CWE-770, CWE-776)."""

# ruff: noqa: E501 - what programs send stands as they send it

import sys

import pytest

from portal.carddav import filters, views
from portal.carddav.xml import BadXml, card, parse_body
from tests.attacks.portal.conftest import Site
from tests.portal.test_carddav import BOOK, KARI, Phone

ASKED = '<C:addressbook-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><D:prop><C:address-data/></D:prop>{}</C:addressbook-multiget>'
QUERY = '<C:addressbook-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><D:prop><C:address-data/></D:prop><C:filter>{}</C:filter></C:addressbook-query>'
SYNC = '<D:sync-collection xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><D:sync-token>{}</D:sync-token><D:sync-level>1</D:sync-level><D:prop><C:address-data/></D:prop></D:sync-collection>'
NOTE = 20_000


@pytest.fixture(scope="module")
def phone(site: Site) -> Phone:
    phone = Phone(site.app.test_client())
    for number in range(5):
        text = KARI.replace("6F1A", str(number)).replace("END:VCARD", f"NOTE:{'x' * NOTE}\r\nEND:VCARD")
        assert phone.put(f"{number}.vcf", text).status_code == 201
    return phone


def test_a_card_that_is_asked_for_a_thousand_times_is_sent_once(phone):
    one = f"<D:href>{BOOK}0.vcf</D:href><D:href>https://localhost{BOOK}0.vcf</D:href>"
    answer = phone.ask("REPORT", BOOK, ASKED.format(one * 500))
    assert answer.status_code == 207
    assert answer.text.count("NOTE:") == 1


def test_an_answer_that_is_full_says_so(phone, monkeypatch):
    monkeypatch.setattr(views, "MAX_CHARACTERS", 3 * NOTE - 1)
    monkeypatch.setattr(views, "SOME", 2)
    hrefs = "".join(f"<D:href>{BOOK}{number}.vcf</D:href>" for number in range(6))
    answer = phone.ask("REPORT", BOOK, ASKED.format(hrefs)).text
    assert (answer.count("NOTE:"), answer.count("507 "), answer.count("404 Not Found")) == (3, 2, 1)
    answer = phone.ask("REPORT", BOOK, QUERY.format("")).text
    assert (answer.count("NOTE:"), answer.count("507 ")) == (3, 1)
    everything = "<propfind xmlns='DAV:'><prop><address-data xmlns='urn:ietf:params:xml:ns:carddav'/></prop></propfind>"
    assert phone.ask("PROPFIND", BOOK, everything, Depth="1").text.count("NOTE:") == 3


def test_an_answer_repeats_no_long_names_for_each_card(phone):
    """Two hundred names of five thousand characters, and a book of 20,000 cards, would be 40 GB."""
    names = "".join(f"<a{number}{'b' * 5000}/>" for number in range(100))
    for method, body in (
        ("PROPFIND", f"<D:propfind xmlns:D='DAV:'><D:prop><D:getetag/>{names}</D:prop></D:propfind>"),
        ("REPORT", QUERY.replace("<C:address-data/>", "<D:getetag/>{}").format(names, "")),
        ("PROPPATCH", f"<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop>{names}</D:prop></D:set></D:propertyupdate>"),
    ):
        answer = phone.ask(method, BOOK, body, Depth="1")
        assert (answer.status_code, "b" * 5000 in answer.text) == (207, False)
        assert len(answer.text) < 20_000


def test_a_collection_ends_where_the_answer_is_full(phone, monkeypatch):
    monkeypatch.setattr(views, "MAX_CHARACTERS", 1000)
    answer = phone.ask("PROPFIND", BOOK, "", Depth="1").text
    assert (answer.count(".vcf"), answer.count("507 ")) == (0, 1)


def test_what_a_full_answer_about_changes_leaves_out_comes_with_the_next(phone, monkeypatch):
    monkeypatch.setattr(views, "MAX_CHARACTERS", 3 * NOTE - 1)
    monkeypatch.setattr(views, "SOME", 2)
    token, counts = "", []
    for _ in range(3):
        answer = phone.ask("REPORT", BOOK, SYNC.format(token)).text
        counts.append((answer.count("NOTE:"), answer.count("507 "), answer.count("404 Not Found")))
        token = answer.partition("<D:sync-token>")[2].partition("<")[0]
    assert counts == [(3, 1, 0), (2, 0, 0), (0, 0, 0)]


def test_a_filter_of_ten_thousand_tests_is_refused(phone):
    tests = '<C:prop-filter name="NOTE">' + "<C:text-match>y</C:text-match>" * 100 + "</C:prop-filter>"
    answer = phone.ask("REPORT", BOOK, QUERY.format(tests * 100))
    assert (answer.status_code, "supported-filter" in answer.text) == (403, True)


def test_a_card_costs_the_same_however_many_tests_it_meets():
    """Each property is folded once."""

    def count(tests: int) -> int:
        root = parse_body(
            QUERY.format(
                '<C:prop-filter name="NOTE">' + "<C:text-match>y</C:text-match>" * tests + "</C:prop-filter>"
            ).encode()
        )
        assert root is not None
        matches, folds = filters.parse_filter(root.find(card("filter"))), 0

        def watch(_frame: object, event: str, called: object) -> None:
            nonlocal folds
            folds += event == "c_call" and getattr(called, "__name__", "") == "casefold"

        sys.setprofile(watch)
        try:
            matches(KARI.replace("END:VCARD", "NOTE:x\r\nEND:VCARD"))
        finally:
            sys.setprofile(None)
        return folds

    assert count(90) == count(1) > 0


ENTITY = '<?xml version="1.0" encoding="{}"?><!DOCTYPE a [<!ENTITY b "c">]><propfind xmlns="DAV:"><prop><b/></prop></propfind>'


@pytest.mark.parametrize("octets", [
    ENTITY.format("utf-8").encode(), ENTITY.format("utf-16").encode("utf-16"), b"\xfe\xff" + ENTITY.format("utf-16").encode("utf-16-be"),
    ENTITY.format("utf-16le").encode("utf-16-le"), ENTITY.format("utf-7").encode("utf-7"), b"\xef\xbb\xbf" + ENTITY.format("utf-16").encode(),
    ENTITY.format("utf-32").encode("utf-32"), b"<<!--!DOCTYPE a><a/>",
])  # fmt: skip
def test_no_document_type_is_read_in_whatever_encoding_it_stands(octets):
    with pytest.raises(BadXml):
        parse_body(octets)

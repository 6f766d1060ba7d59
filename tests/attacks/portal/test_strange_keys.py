"""CWE-20, CWE-674, CWE-639: answers of security keys, keys of forms, `back` and numbers that nobody's browser would send."""

import pytest

from mailcore.core import Core
from mailcore.domain import Proven
from mailcore.errors import WrongPassword
from mailcore.mail.reading.charsets import to_scalars
from mailcore.services.accounts import orders
from mailcore.services.signin import security_keys
from portal import request_values
from tests.attacks.portal.conftest import Site, token_of

KEY = '{"id": "AA", "rawId": "AA", "type": "public-key", "response": '
DEEP_CBOR = "gQ" * 3000  # base64url of arrays in arrays
ANSWERS = [
    "", "null", "[]", "0", '"x"', "{}", "[" * 100_000, '{"a":' * 50_000, '{"id": null}', '{"id": 1}', '{"id": ["x"]}',
    '{"id": "\\ud800"}',
    '{"id": "AA", "rawId": "AA"}', '{"id": "AA", "rawId": 1, "type": "public-key", "response": {}}',
    KEY + '[]}', KEY + 'null}',
    KEY + '{"clientDataJSON": 1, "attestationObject": 2}}',
    KEY + '{"clientDataJSON": "W1tb", "attestationObject": "' + DEEP_CBOR + '"}}',
    KEY + '{"clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0", "attestationObject": "gYGB"}}',
    KEY + '{"clientDataJSON": "bnVsbA", "attestationObject": "oA", "transports": 1}}',
    KEY + '{"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA"}}',
    "9" * 5000, "1e999", "x" * 70_000, "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_no_answer_of_a_security_key_is_a_wrong_one(site: Site, answer: str) -> None:
    challenge = security_keys.create_challenge()
    with pytest.raises(WrongPassword):
        security_keys.register_key(site.core, site.ola, challenge, answer, "key")
    with pytest.raises(WrongPassword):
        security_keys.check_answer(site.core, site.ola, challenge, answer)


def _proven(person: str) -> Proven:
    return Proven("directory", person, f"Person {person}", person, ("student",))


def test_somebody_elses_key_of_an_order_gives_an_order_of_ones_own(site: Site) -> None:
    core: Core = site.core

    def order(person: str) -> str:
        _, account = orders.create_at_once(
            core,
            _proven(person),
            name=f"{person}.new",
            contact=f"{person}@out.example",
            language="nb",
            terms=True,
            key="same",
        )
        return account.name

    assert order("pia") == "pia.new"
    assert order("per") == "per.new"
    assert order("pia") == "pia.new"  # her own, pressed twice


def test_a_stranger_with_anothers_key_loses_no_order(site: Site) -> None:
    found = [
        orders.submit_order(
            site.core,
            name=name,
            display_name=name,
            contact=f"{name}@out.example",
            affiliation="student",
            language="nb",
            terms=True,
            key="k",
        ).id
        for name in ("eva.one", "eva.two", "eva.one")
    ]
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7), (" 7 ", 7), ("0", 0), ("9" * 18, 10**18 - 1), ("9" * 19, -1), ("9" * 5000, -1), ("", -1), (None, -1), ("-1",
        -1), ("+1", -1),
        ("1_000", -1), ("1e3", -1), ("\u0661", -1), ("\u00b2", -1), ("7\0", -1), ("0x1", -1), ("1\n2", -1),
    ],
)  # fmt: skip
def test_numbers_are_ascii_digits_that_fit_the_database(text: str | None, number: int) -> None:
    assert request_values.number(text, -1) == number


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("?order=size&way=up", "?order=size&way=up"), ("?", "?"), ("", ""), ("//evil.example", ""), ("?a\r\nSet-Cookie: x=1",
        ""),
        ("?a\nb", ""), ("?\0", ""), ("?a b", ""), ("?\u00e5", ""), ("?\ud800", ""), ("?" + "x" * 3000, ""), ("x?y", ""),
        ("?x\x7f", ""),
    ],
)  # fmt: skip
def test_back_leads_to_a_query_of_the_same_list_or_nowhere(text: str, kept: str) -> None:
    assert request_values.query(text) == kept


@pytest.mark.parametrize("back", ["?x\r\nSet-Cookie: a=b", "?\nx", "?\x00", "?\u2028"])
def test_back_with_line_breaks_ends_no_header(site: Site, back: str) -> None:
    """CWE-113."""
    browser = site.browser("ola")
    answer = browser.client.post(
        "/mail/INBOX/", data={"csrf_token": token_of(browser.client), "action": "flag", "uid": "1", "back": back}
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/mail/INBOX/")
    assert "Set-Cookie" not in answer.headers or "a=b" not in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "a\udfffb", "\0"])
def test_texts_of_a_request_hold_neither_nul_nor_lone_surrogates(text: str) -> None:
    cleaned = to_scalars(text)
    assert "\0" not in cleaned
    assert cleaned.encode()

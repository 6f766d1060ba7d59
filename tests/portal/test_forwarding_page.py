"""The forwarding page, as its owner uses it (S24 to S26, N1 to N5)."""

import re

import pytest

from mailcore.domain import ForwardingState, Identity
from mailcore.services.credentials import login
from mailcore.services.forwarding import forwarding, health
from mailcore.store.forwarding import onward
from mailcore.store.queue.items import list_items, read_octets
from tests.portal.conftest import PASSWORD

FRIEND = "ola@elsewhere.example"


@pytest.fixture
def forwarding_on(core, ola):
    forwarding.set_forwarding(core, ola.id, FRIEND, copy=True, confirmed=True)


def test_s24_saving_needs_the_password_and_keeps_what_was_typed(inside, core, ola):
    page = inside.send("/forwarding", target=FRIEND, copy="y", password="wrong password")
    assert page.status_code == 403
    assert f'value="{FRIEND}"' in page.text
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.OFF


def test_s25_a_copy_is_kept_and_goes_after_ninety_days_unless_said_otherwise(inside, core, ola):
    page = inside.get("/forwarding").text
    assert re.search(r'<input [^>]*checked [^>]*name="copy"', page)
    assert re.search(r'<option selected value="90">', page)
    inside.send("/forwarding", target=FRIEND, copy="y", rolling_days="30", unsafe="keep", password=PASSWORD)
    found = forwarding.read_forwarding(core, ola.id)
    assert (found.target, found.copy, found.rolling_days, found.unsafe, found.digest) == (
        FRIEND,
        True,
        30,
        "keep",
        False,
    )
    assert "Venter" in inside.get("/forwarding").text


def test_s25_no_copy_is_kept_only_after_a_warning(inside, core, ola):
    assert "Uten kopi" in inside.get("/forwarding").text
    inside.send("/forwarding", target=FRIEND, password=PASSWORD)
    assert forwarding.read_forwarding(core, ola.id).copy is False


@pytest.mark.parametrize(
    ("language", "words"), [("nb", "søppelpostfilter"), ("nn", "søppelpostfilter"), ("en", "spam filter")]
)
def test_s26_the_warning_stands_beside_the_form_and_leads_to_the_health(inside, language, words):
    page = inside.get(f"/forwarding?lang={language}").text
    form = page[page.index('action="/forwarding"') : page.index("</form>", page.index('action="/forwarding"'))]
    assert 'class="warning"' in form
    assert words in form.lower()
    assert 'href="#health"' in form
    assert 'id="health"' in page


@pytest.mark.parametrize(
    "address", ["ola@alumni.example", "kari@alumni.example", "x@srs.alumni.example", "a@b.example, c@d.example"]
)
def test_s24_our_own_addresses_and_several_are_refused(inside, core, ola, address):
    assert inside.send("/forwarding", target=address, copy="y", password=PASSWORD).status_code == 400
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.OFF


def test_n2_the_answers_stand_in_plain_words(inside, core, ola, forwarding_on):
    def write(tx):
        onward.add_message(tx, 1, ola.id, b"x" * 32, FRIEND, core.clock.seconds())
        onward.save_answer(
            tx, 1, "refused", host="mx.elsewhere", code=552, reply="552 5.2.2 <b>full</b>", now=core.clock.seconds()
        )

    core.db.write(write)
    page = inside.get("/forwarding").text
    assert "Postboksen der er full." in page
    assert "552 5.2.2 &lt;b&gt;full&lt;/b&gt;" in page
    assert "0 tatt imot, 1 avvist, 0 venter" in page


def test_n4_a_test_message_is_sent_and_its_place_told(inside, core, ola, forwarding_on):
    assert inside.send("/forwarding", to="/forwarding/test").status_code == 303
    page = inside.get("/forwarding").text
    probe = re.search(r'name="probe" value="(\d+)"', page)[1]
    assert "Hvor fant du den?" in page
    inside.send("/forwarding", to="/forwarding/test", probe=probe, found="spam")
    page = inside.get("/forwarding").text
    assert "Du fant den i søppelposten." in page
    assert "Filtrert?" in page
    assert health.get_health(core, ola.id).probe.place == "spam"


def test_n2_a_paused_forwarding_is_taken_up_again(inside, core, ola, forwarding_on):
    for _ in range(5):
        core.db.write(
            lambda tx: forwarding.record_reply(
                core, tx, ola.id, target=FRIEND, ok=False, permanent=True, reply="550 5.7.1 no"
            )
        )
    assert "Satt på pause etter flere avslag" in inside.get("/forwarding").text
    inside.send("/forwarding", to="/forwarding/again")
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.HEALTHY


def test_n1_the_question_is_sent_again(inside, core, ola):
    forwarding.set_forwarding(core, ola.id, FRIEND, copy=True)
    inside.send("/forwarding", to="/forwarding/again")
    questions = [item for item in core.db.read(lambda tx: list_items(tx)) if item.recipient == FRIEND]
    assert len(questions) >= 2


def test_the_history_tells_what_was_done(inside, core, ola, forwarding_on):
    inside.send("/forwarding", to="/forwarding/test")
    inside.send("/forwarding", to="/forwarding/stop")
    history = inside.get("/forwarding").text.partition("Historikk")[2]
    assert [
        words in history for words in ("Stoppet", f"En prøvemelding ble sendt til {FRIEND}", f"Satt opp til {FRIEND}")
    ] == [True] * 3


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
@pytest.mark.parametrize("state", ForwardingState)
def test_every_state_is_shown_in_each_language(inside, core, ola, state, language):
    if state is not ForwardingState.OFF:
        forwarding.set_forwarding(core, ola.id, FRIEND, copy=True, confirmed=True)
        core.db.write(lambda tx: tx.run("UPDATE forwarding SET state=?", state.value))
    assert inside.get(f"/forwarding?lang={language}").status_code == 200


def letter_code(core) -> str:
    """The code in the newest question."""
    texts = [core.db.read(lambda tx, item=item: read_octets(tx, core.blobs, item)) for item in core.db.read(list_items)]
    return re.findall(rb"(\d{4} \d{4})", next(text for text in reversed(texts) if b"/forwarding/confirm/" in text))[
        0
    ].decode()


def test_n1_the_code_of_the_letter_confirms_too_and_wrong_ones_do_not(inside, core, ola):
    forwarding.set_forwarding(core, ola.id, "ola@elsewhere.example", copy=True)
    old = letter_code(core)
    forwarding.ask_again(core, ola.id)
    right = letter_code(core)
    for wrong in (old, "0000 0000", "", "१२३४५६७८", "x" * 1000):
        answer = inside.send("/forwarding", to="/forwarding/code", code=wrong)
        assert (answer.status_code, "Det er ikke koden i meldingen fra oss" in answer.text) == (403, True)
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.UNCONFIRMED
    assert inside.send("/forwarding", to="/forwarding/code", code=right.replace(" ", "-")).status_code == 303
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.HEALTHY
    assert "Bekreftet." in inside.get("/forwarding").text


def test_n1_codes_cannot_be_guessed(inside, core, ola):
    forwarding.set_forwarding(core, ola.id, "ola@elsewhere.example", copy=True)
    right = letter_code(core)
    for _ in range(10):
        inside.send("/forwarding", to="/forwarding/code", code="12345678")
    answer = inside.send("/forwarding", to="/forwarding/code", code=right)
    assert (answer.status_code, "For mange koder" in answer.text) == (429, True)
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.UNCONFIRMED


def test_n1_the_page_of_the_link_says_who_asks_and_a_used_link_says_so(browser, core, ola):
    forwarding.set_forwarding(core, ola.id, "ola@elsewhere.example", copy=True)
    octets = core.db.read(lambda tx: read_octets(tx, core.blobs, list_items(tx)[0]))
    path = re.search(rb"/forwarding/confirm/\S+", octets)[0].decode()
    page = browser.get(path).text
    assert "Ola Nordmann ønsker at e-post til ola@alumni.example blir videresendt til ola@elsewhere.example." in page
    # programs that look at links agree to nothing
    assert forwarding.read_forwarding(core, ola.id).state is ForwardingState.UNCONFIRMED
    assert "blir e-post videresendt til ola@elsewhere.example" in browser.send(path).text
    assert browser.get(path).status_code == 410


@pytest.mark.parametrize(
    ("reply", "why", "what"),
    [
        ("550 5.1.1 user unknown", "Adressen finnes ikke der", "Er adressen riktig?"),
        ("552 5.2.2 mailbox full", "Postboksen der er full", "Rydd plass der"),
        ("554 5.7.1 this is spam", "søppelpost", "Ingenting er tapt"),
    ],
)
def test_n2_a_paused_forwarding_says_why_in_plain_words_and_what_to_do(inside, core, ola, reply, why, what):
    forwarding.set_forwarding(core, ola.id, "ola@elsewhere.example", copy=True, confirmed=True)
    for _ in range(5):
        core.db.write(
            lambda tx: forwarding.record_reply(
                core, tx, ola.id, target="ola@elsewhere.example", ok=False, permanent=True, reply=reply
            )
        )
    page = inside.get("/forwarding").text
    above = page.partition('id="set"')[0]
    assert "Satt på pause:" in above
    assert what in above
    history = page.partition("<details>")[2].partition("</details>")[0]
    assert reply not in history
    assert why.lower() in (above + history).lower()


def test_s24_the_universitys_password_sets_no_forwarding_after_the_tie_ended(inside, core, ola, monkeypatch):
    ended = Identity(ola, "university", ended=True)
    monkeypatch.setattr(login, "authenticate", lambda *args, **kwargs: ended)
    answer = inside.send("/forwarding", target="ola@elsewhere.example", copy="y", password="x")
    assert answer.status_code == 403
    assert forwarding.read_forwarding(core, ola.id).target == ""

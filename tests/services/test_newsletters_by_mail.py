"""Newsletters that editors mail to the address of their topic (N39): a draft, and nothing but a draft."""

import asyncio

import pytest

from mailcore import core as cores
from mailcore.domain import Envelope, NewsletterState
from mailcore.errors import AccountExists, EditorsOnly, RejectedByScript, UnknownRecipient
from mailcore.services.accounts import accounts
from mailcore.services.delivery import recipients, submission
from mailcore.services.newsletters import editors, issues, topics
from mailcore.store.queue.items import list_items, read_octets
from tests import smtp_talk
from tests.readers import text_of

TO = "newsletter+faculty-news@alumni.example"
MESSAGE = (
    b"From: Ola <ola@alumni.example>\r\nTo: x@alumni.example\r\nSubject: =?utf-8?q?Sommerfest_p=C3=A5?= tirsdag\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n# Hei\r\n\r\nDet er **fest**.\r\n"
)


@pytest.fixture
def topic(core) -> int:
    number = topics.create_topic(core, {"nb": "Nytt", "nn": "Nytt", "en": "Faculty news"}, actor="eva")
    for name in ("ola", "kari"):
        accounts.add_account(core, name, language="nn")
    editors.add_editor(core, number, "ola", actor="eva")
    return number


def submit(core, name: str, to: str = TO, octets: bytes = MESSAGE) -> None:
    account = accounts.find_account(core, name)
    envelope = Envelope(f"{name}@alumni.example", (to,), authenticated=account.id)
    asyncio.run(submission.submit(core, account, envelope, octets.replace(b"ola@", f"{name}@".encode())))


@pytest.mark.parametrize("to", [TO, TO.upper().replace("ALUMNI.EXAMPLE", "alumni.example")])
def test_n39_an_editor_mails_a_draft_and_nobody_gets_it_yet(core, topic, to):
    topics.set_consents(core, accounts.find_account(core, "kari").id, {topic}, {topic: "Ja"})
    submit(core, "ola", to)
    [draft] = issues.list_newsletters(core, [topic])
    assert (draft.state, draft.subject, draft.language, draft.actor) == (
        NewsletterState.DRAFT,
        "Sommerfest på tirsdag",
        "nn",
        "ola",
    )
    assert draft.text == "# Hei\n\nDet er **fest**.\n"
    [notice] = [one for one in core.db.read(list_items) if one.origin == "notice"]
    assert notice.recipient == "ola@alumni.example"
    assert "/newsletters/" in text_of(core.db.read(lambda tx: read_octets(tx, core.blobs, notice)))


def test_n39_the_address_is_there_for_nobody_else(core, topic):
    with pytest.raises(EditorsOnly):
        submit(core, "kari")
    with pytest.raises(UnknownRecipient):
        submit(core, "ola", "newsletter+other@alumni.example")
    topics.end_topic(core, topic, actor="eva")
    with pytest.raises(UnknownRecipient):
        submit(core, "ola")


def test_n39_a_stranger_in_an_editors_name_is_refused_before_the_message(tmp_path):
    """At the end of DATA one reply stands for all recipients: what another took would be gone with a 250."""
    house = smtp_talk.build(tmp_path)
    try:
        number = topics.create_topic(house, dict.fromkeys(("nb", "nn", "en"), "Faculty news"), actor="eva")
        editors.add_editor(house, number, "ola", actor="eva")

        async def arrive(connect):
            client = await connect()
            said = await client.say(
                f"MAIL FROM:<ola@alumni.example>\r\nRCPT TO:<{TO}>\r\nRCPT TO:<kari@alumni.example>\r\nDATA\r\n", 4
            )
            assert said[1] == "550 5.7.1 Only editors of this newsletter, logged in, can write to this address"
            assert await client.codes(MESSAGE.decode() + ".\r\n", 1) == "250"

        smtp_talk.talk(house, arrive)
        assert b"Sommerfest" in smtp_talk.inbox(house, "kari")[-1]
        assert issues.list_newsletters(house, [number]) == []
    finally:
        cores.close(house)


def test_n39_what_another_server_sends_to_the_address_by_a_script_comes_back(core, topic):
    """Nobody is logged in where the queue delivers it, whatever the envelope says."""
    with pytest.raises(EditorsOnly):
        core.db.read(lambda tx: recipients.check_recipient(core, tx, TO, None, sender="ola@alumni.example"))


def test_n39_a_mail_that_can_be_no_newsletter_is_refused_with_the_reason(core, topic):
    with pytest.raises(RejectedByScript, match="subject"):
        submit(core, "ola", octets=MESSAGE.replace(b"Subject:", b"X-Subject:"))
    with pytest.raises(RejectedByScript, match="text"):
        submit(core, "ola", octets=MESSAGE + b"x" * 60_000)
    assert issues.list_newsletters(core, [topic]) == []


def test_n39_nobody_new_gets_the_name_of_these_addresses(core):
    with pytest.raises(AccountExists):
        accounts.add_account(core, "newsletter")

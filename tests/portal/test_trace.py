"""The pages that tell what became of mail (N14)."""

import asyncio
import html

import pytest

from mailcore.domain import Envelope, FilterAction, FilterRule, FilterVerb, Verdict
from mailcore.errors import OverQuota, TooLarge
from mailcore.services.delivery import delivery, recipients, traces
from mailcore.services.filtering import learning
from mailcore.services.forwarding import forwarding
from mailcore.services.sieve_scripts import filters
from mailcore.services.webmail import mail_actions
from mailcore.smtp.reply import REPLIES
from mailcore.store.delivery import records
from mailcore.store.delivery.spam_signs import Total


def arrive(core, subject="hei"):
    found = core.db.read(lambda tx: recipients.check_recipient(core, tx, "ola@alumni.example", None))
    octets = (
        f"From: Kari <kari@outside.example>\r\nTo: ola@alumni.example\r\nSubject: {subject}\r\n\r\nhei\r\n".encode()
    )
    verdict = Verdict(author="outside.example", spf="fail", dkim="pass", dmarc="pass", dkim_aligned=True, outside=True)
    asyncio.run(
        delivery.accept(core, Envelope("kari@outside.example", (found.address,)), [found], octets, b"", verdict)
    )


def text(page):
    assert page.status_code == 200
    return html.unescape(page.text).replace("\xa0", " ")


def test_n14_the_list_tells_of_what_came_and_of_what_was_refused(inside, core, ola):
    arrive(core, "Hei <b>på</b> deg")
    core.db.write(
        lambda tx: traces.refused_at(
            core, tx, ["ola@alumni.example"], sender="per@outside.example", reply=REPLIES[OverQuota]
        )
    )
    page = inside.get("/trace")
    assert "<b>på" not in page.text
    assert "Lagt i Innboks." in text(page)
    assert "Avvist: Postboksen din var full." in text(page)
    assert "Hei" not in text(inside.get("/trace?q=per@outside")).partition("trace-list")[2]
    assert "Ingenting derfra har nådd oss" in text(inside.get("/trace?q=nobody@x.example"))


def test_n14_the_page_of_a_message_says_checks_rule_and_answer(inside, core, ola):
    forwarding.set_forwarding(core, ola.id, "ola@elsewhere.example", copy=True, confirmed=True)
    filters.save_rules(core, ola.id, [FilterRule("Alt", (), (FilterAction(FilterVerb.FILE, "Archive"),))])
    arrive(core)
    assert "/trace/of/Archive/1" in inside.get("/mail/Archive/1").text
    page = text(inside.get("/trace/of/Archive/1"))
    for words in (
        "Filteret ditt: Alt",
        "Videresendingen din",
        "har ikke lov til å sende",
        "En signatur er i orden",
        "kommer virkelig fra outside.example",
        "Til ola@elsewhere.example: venter på å bli sendt.",
        "Lagt i Arkiv.",
    ):
        assert words in page, words


def test_n14_a_message_that_nobody_delivered_has_no_story(inside, core, ola):
    assert "eldre enn tretti dager" in text(inside.get("/trace/of/INBOX/1"))
    assert inside.get("/trace/999").status_code == 404
    assert inside.get("/trace/of/INBOX/99").status_code == 404


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
@pytest.mark.parametrize("outcome", ["filed", "forwarded", "rejected", "refused", "discarded"])
def test_every_outcome_is_shown_in_each_language(inside, core, ola, outcome, language):
    rules = (
        '[["filter","x"],["away",""],["full",""],["script","3"],["failed","p"],["junk",""],["held","junk"],["held","queue"],'
        '["spam",""],["spam","9"],["new","?"]]'
    )
    core.db.write(
        lambda tx: records.save_record(
            tx, ola.id, core.clock.seconds(), "", "ola@alumni.example", outcome, "", rules=rules
        )
    )
    assert inside.get(f"/trace?lang={language}").status_code == 200
    [found] = traces.search(core, ola.id, "")
    assert inside.get(f"/trace/{found.id}?lang={language}").status_code == 200


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (REPLIES[OverQuota], "var full"),
        ("550 5.7.26 DMARC: x.example asks to refuse what does not come from it", "eieren av domenet"),
        ("450 4.7.1 Greylisted; please try again in some minutes", "komme igjen om noen minutter"),
        ("550 5.7.1 Your address is listed by zen.example", "liste over avsendere av søppelpost"),
        ("554 5.7.1 Spam message rejected", "utvilsomt søppelpost"),
        (REPLIES[TooLarge], "var for stor"),
        ("554 5.4.6 Too many hops", "gått i ring"),
        ("550 5.6.11 Bare CR or LF is not allowed; lines end with CRLF", "slik e-post skal skrives"),
        ("550 5.7.1 One From field with one author, please", "Avsenderen fikk vite: One From field"),
    ],
)
def test_n14_every_refusal_of_ours_has_plain_words(inside, core, ola, reply, words):
    core.db.write(lambda tx: traces.refused_at(core, tx, ["ola@alumni.example"], sender="x@y.example", reply=reply))
    assert words in text(inside.get("/trace"))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nb", "linje 5: mer enn 4 videresendinger av én melding"),
        ("nn", "linje 5: meir enn 4 vidaresendingar av éi melding"),
        ("en", "line 5: more than 4 redirects for one message"),
    ],
)
def test_n14_a_script_that_failed_is_told_in_the_readers_language(inside, core, ola, language, words):
    filters.put_script(core, ola.id, "mine", "".join(f'redirect "a{n}@outside.example";\n' for n in range(9)))
    filters.set_active_script(core, ola.id, "mine")
    arrive(core)
    [found] = traces.search(core, ola.id, "")
    assert words in text(inside.get(f"/trace/{found.id}?lang={language}"))


def test_an_owner_sees_what_the_spam_filter_learned_and_has_it_forgotten(inside, core, ola):
    assert "Glem det jeg har lært det" not in text(inside.get("/trace"))
    arrive(core)
    uid = core.db.read(lambda tx: core.mail.uids(tx, core.mail.mailbox(tx, ola.id, "INBOX").id))[-1]
    mail_actions.apply_action(core, ola.id, "INBOX", [uid], "junk")
    learning.teach_filters(core)
    assert "søppelpost 1, annen e-post 0" in text(inside.get("/trace"))
    inside.send("/trace", to="/trace/lessons")
    assert learning.count_lessons(core, ola.id) == Total()
    assert "Glem det jeg har lært det" not in text(inside.get("/trace"))

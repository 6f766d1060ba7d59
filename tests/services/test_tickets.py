"""Help cases: by the form's service, by mail, their rates and their end (S22, S29, N24)."""

import asyncio
import re
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from mailcore.core import Core
from mailcore.domain import Account, Delivered, Disposition, Envelope, NewFile, Outcome, Ticket, Verdict
from mailcore.errors import InvalidName, NotAllowed, TicketNotFound, TicketRefused, TooMany
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.services.tickets import ticket_inbox, tickets
from mailcore.services.tickets.ticket_text import detect_language, strip_quote
from mailcore.store.queue.items import list_items, read_octets
from tests.services.conftest import SetClock

STRANGER = "stranger@elsewhere.example"
PASSES = Verdict(outside=True, dmarc="pass", dkim_aligned=True)


@pytest.fixture
def ola(core: Core) -> Account:
    return accounts.add_account(core, "ola", display_name="Ola Nordmann", contact="ola@home.example")


def queued(core: Core) -> list[EmailMessage]:
    def read(tx):
        return [(item, read_octets(tx, core.blobs, item)) for item in list_items(tx)]

    found = []
    for item, octets in core.db.read(read):
        message = message_from_bytes(octets, policy=policy.default)
        message["X-Envelope"] = f"{item.sender} {item.recipient}"
        found.append(message)
    return found


def written(
    subject: str = "Hello", text: str = "I do not know what to do.", sender: str = STRANGER, **fields: str
) -> bytes:
    head = {
        "From": f"A Person <{sender}>",
        "Subject": subject,
        "Message-ID": f"<{abs(hash((subject, text, sender)))}@x>",
    }
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in {**head, **fields}.items())
    return (lines + "\r\n" + text.replace("\n", "\r\n") + "\r\n").encode()


def mail(core: Core, octets: bytes, to: str = "help", sender: str = STRANGER, verdict: Verdict = PASSES) -> Delivered:
    to = to if "@" in to else f"{to}@alumni.example"

    recipient = core.db.read(lambda tx: recipients.check_recipient(core, tx, to, len(octets)))
    envelope = Envelope(sender, (to,), "192.0.2.1", "x")
    return asyncio.run(delivery.accept(core, envelope, [recipient], octets, b"", verdict))[0]


def said(core: Core, number: int) -> list[tuple[str, str]]:
    return [(one.author, one.text) for one in tickets.list_messages(core, tickets.get_ticket(core, number), notes=True)]


def ask(
    core: Core,
    owner: Account | None = None,
    text: str = "Jeg får ikke logget inn, hva gjør jeg?",
    *,
    subject: str = "Innlogging",
    reply_to: str = STRANGER,
    peer: str = "192.0.2.9",
    language: str = "nb",
) -> Ticket:
    return tickets.submit_form(
        core, kind="login", subject=subject, text=text, reply_to=reply_to, owner=owner, peer=peer, language=language
    )


def test_s29_a_stranger_confirms_by_mail_before_the_desk_sees_the_case(core):
    ticket = ask(core)
    assert ticket.state == "unconfirmed"
    assert tickets.list_tickets(core) == []
    [message] = queued(core)
    assert f"#{ticket.id}" in message["Subject"]
    assert ticket.token in message.get_content()
    assert message["Auto-Submitted"] == "auto-replied"
    tickets.confirm_ticket(core, ticket.token)
    assert [t.id for t in tickets.list_tickets(core)] == [ticket.id]


def test_s29_who_is_logged_in_is_answered_at_the_own_address_at_once(core, ola):
    ticket = ask(core, ola, reply_to="")
    assert (ticket.state, ticket.reply_to, ticket.account) == ("open", "ola@alumni.example", ola.id)
    assert tickets.get_owned_ticket(core, ola.id, ticket.id) == ticket
    kari = accounts.add_account(core, "kari")
    with pytest.raises(TicketNotFound):
        tickets.get_owned_ticket(core, kari.id, ticket.id)


def test_s29_an_answer_goes_out_in_the_thread_and_what_comes_back_joins_it(core, ola):
    ticket = ask(core, ola)
    agent = accounts.add_account(core, "desk1", display_name="Desk One")
    answered = tickets.send_reply(core, ticket.id, "Prøv igjen nå.", agent=agent)
    assert (answered.state, answered.assignee) == ("answered", agent.id)
    first, second = queued(core)
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
    assert second["X-Envelope"] == f"help+{ticket.token}@alumni.example {STRANGER}"
    assert second["Auto-Submitted"] is None
    back = written(
        f"Re: {second['Subject']}", "Takk, nå virker det!\n\nden 1. juni skrev Alumnimail:\n> Prøv igjen nå."
    )
    assert mail(core, back, f"help+{ticket.token}".upper()).outcome is Outcome.FILED
    assert said(core, ticket.id)[-1] == ("person", "Takk, nå virker det!")
    assert tickets.get_ticket(core, ticket.id).state == "open"


def test_s29_without_the_token_the_thread_is_found_by_message_id_of_the_same_person_only(core):
    ticket = ask(core)
    answer = queued(core)[-1]["Message-ID"]
    mail(core, written("Re: x", "mine", In_Reply_To=answer))
    assert said(core, ticket.id)[-1] == ("person", "mine")
    mail(
        core,
        written("Re: x", "not mine", sender="evil@elsewhere.example", In_Reply_To=answer),
        sender="evil@elsewhere.example",
    )
    assert ("person", "not mine") not in said(core, ticket.id)
    assert len(tickets.list_tickets(core)) == 2
    assert tickets.get_ticket(core, ticket.id).state == "open"


def test_s29_mail_opens_a_ticket_and_its_number_is_told(core, ola):
    mail(core, written("Help me", sender="ola@home.example"), sender="ola@home.example")
    [ticket] = tickets.list_tickets(core)
    assert (ticket.kind, ticket.account, ticket.language) == ("mail", ola.id, "en")
    assert [m["To"] for m in queued(core)] == ["ola@home.example"]


def test_s29_a_forged_sender_is_neither_answered_nor_taken_for_the_owner(core, ola):
    mail(core, written("Help me", sender="ola@home.example"), sender="ola@home.example", verdict=Verdict(outside=True))
    [ticket] = tickets.list_tickets(core)
    assert ticket.account is None
    assert queued(core) == []


def test_s29_the_same_message_twice_is_one_and_a_second_about_the_same_joins(core):
    for text in ("one", "one", "two"):
        mail(core, written("Broken", text))
    [ticket] = tickets.list_tickets(core)
    assert [text for _, text in said(core, ticket.id)] == ["one", "two"]


@pytest.mark.parametrize(
    ("sender", "fields"),
    [
        ("", {}),
        (STRANGER, {"Auto_Submitted": "auto-replied"}),
        (STRANGER, {"Precedence": "bulk"}),
        (STRANGER, {"List_Id": "<news.example>"}),
        ("mailer-daemon@elsewhere.example", {}),
    ],
)
def test_s29_machines_get_no_ticket_and_no_answer(core, sender, fields):
    assert mail(core, written(**fields), sender=sender).outcome is Outcome.FILED
    assert tickets.list_tickets(core) == []
    assert queued(core) == []


def test_s29_two_desks_that_answer_each_other_do_not_loop(core):
    ticket = ask(core)
    tickets.confirm_ticket(core, ticket.token)
    for _ in range(3 * ticket_inbox.NOTES_PER_HOUR):
        mail(core, written("We have your case", Auto_Submitted="auto-generated"), f"help+{ticket.token}")
    assert said(core, ticket.id)[1:] == [("note", "Automatic reply: We have your case")] * ticket_inbox.NOTES_PER_HOUR
    assert len(queued(core)) == 1


def test_an_answer_that_bounces_is_a_note_and_nobody_is_written_to(core):
    ticket = ask(core)
    mail(core, written("Undelivered Mail"), f"help+{ticket.token}", sender="")
    assert said(core, ticket.id)[-1] == ("note", "Returned mail: Undelivered Mail")
    assert len(queued(core)) == 1


def test_s29_spam_is_refused_and_a_flood_is_slowed(core):
    refused = mail(core, written("Buy"), verdict=Verdict(outside=True, disposition=Disposition.JUNK))
    assert refused.outcome is Outcome.REJECTED
    done = [mail(core, written(f"Case {n}", f"text {n}")).outcome for n in range(tickets.PER_HOUR + 1)]
    assert done == [Outcome.FILED] * tickets.PER_HOUR + [Outcome.REJECTED]
    assert len(queued(core)) == tickets.PER_HOUR


def test_s29_a_stranger_cannot_ask_without_end_and_an_owner_can(core, ola, clock: SetClock):
    for _ in range(tickets.PER_HOUR):
        ask(core)
    with pytest.raises(TooMany):
        ask(core)
    assert ask(core, ola).state == "open"
    clock.forward(hours=2)
    assert ask(core).state == "unconfirmed"


@pytest.mark.parametrize("address", ["", "nobody", "a@b", "x@y.example, z@y.example", "a b@y.example"])
def test_an_address_that_cannot_be_answered_is_refused(core, address):
    if address:
        with pytest.raises(InvalidName):
            ask(core, reply_to=address)
    else:
        assert (
            core.db.write(lambda tx: tickets.open_ticket(core, tx, kind="x", subject="s", text="t", reply_to="")).kind
            == "other"
        )
    with pytest.raises(TicketRefused):
        core.db.write(lambda tx: tickets.open_ticket(core, tx, kind="x", subject=" ", text=" ", reply_to=""))


def test_s05_postmaster_and_abuse_go_to_the_help_queue_and_stay_in_their_mailbox(core):
    accounts.ensure_postmaster(core)
    for name in ("postmaster", "abuse"):
        mail(core, written(f"For {name}"), name)
    assert [t.kind for t in tickets.list_tickets(core)] == ["postmaster", "abuse"]
    inbox = core.db.read(lambda tx: core.mail.mailbox(tx, accounts.find_account(core, "postmaster").id, "INBOX"))
    assert inbox.messages == 3  # with the welcome
    assert queued(core) == []


def test_the_desk_sees_the_header_of_a_mail_and_it_is_erased_with_the_case(core, clock: SetClock):
    mail(core, written(X_Mailer="Something", X_Long="a " * 20_000))
    ticket = tickets.get_ticket(core, 1)
    [message] = tickets.list_messages(core, ticket, notes=False)
    assert message.has_header
    header = tickets.load_header(core, ticket, message.id)
    assert "X-Mailer: Something" in header
    assert len(header) <= 16_384
    other = ask(core)
    with pytest.raises(TicketNotFound):
        tickets.load_header(core, other, message.id)
    tickets.close_ticket(core, 1)
    clock.forward(days=core.config.help.keep_days + 1)
    tickets.expire_tickets(core)
    assert core.db.read(lambda tx: tx.rows("SELECT header FROM ticket_message WHERE ticket_id=1")) == []


def test_who_has_the_link_of_a_case_cannot_fill_the_disk(core, clock: SetClock):
    ticket = ask(core)
    for number in range(tickets.SAID_PER_HOUR - 1):  # the question was the first
        tickets.post_message(core, ticket.id, f"more {number}")
    with pytest.raises(TooMany):
        tickets.post_message(core, ticket.id, "and more")
    to = f"help+{ticket.token}"
    assert mail(core, written("Re: Innlogging", "by mail"), to).outcome is Outcome.REJECTED
    clock.forward(hours=2)
    picture = NewFile("a.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(20 * 2**20))
    for _ in range(2):
        tickets.post_message(core, ticket.id, "look", files=[picture])
    with pytest.raises(TooMany):
        tickets.post_message(core, ticket.id, "look", files=[picture])
    tickets.post_message(core, ticket.id, "words find room")


def test_a_stranger_cannot_send_advertisements_through_the_question_whether_it_was_you(core):
    ask(core, subject="Win at https://casino.example/now and www.casino.example " + "x" * 100)
    [sent] = queued(core)
    assert not {"casino", "Win", "xxx"} & set(re.findall(r"casino|Win|xxx", sent.as_string()))


def aggregate(kind: str, name: str, subject: str = "Report") -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"], message["Message-ID"] = (
        "reports@big.example",
        subject,
        f"<{kind}.{name}@big.example>",
    )
    message.add_attachment(b"\x1f\x8b0", maintype=kind.partition("/")[0], subtype=kind.partition("/")[2], filename=name)
    return bytes(message).replace(b"\n", b"\r\n")


def reported(kind: str, part: str = "message/delivery-status", text: str = "Feedback-Type: abuse") -> bytes:
    return (
        f"From: reports@big.example\r\nSubject: A report\r\nMessage-ID: <{abs(hash((kind, part, text)))}@x>\r\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="b"\r\n\r\n'
        f"--b\r\n\r\nwords\r\n--b\r\nContent-Type: {part}\r\n\r\n{text}\r\nVersion: 1\r\n--b--\r\n"
    ).encode()


@pytest.mark.parametrize(
    "octets",
    [
        aggregate("application/gzip", "big.example!alumni.example!1700000000!1700086399.xml.gz"),
        aggregate("application/zip", "big.example!alumni.example!1700000000!1700086399!77.zip"),
        aggregate(
            "application/octet-stream", "r.zip", "Report Domain: alumni.example Submitter: big.example Report-ID: <1>"
        ),
        reported("tlsrpt", "application/tlsrpt+gzip"),
        reported("delivery-status"),
        reported("feedback-report", "message/feedback-report", "Feedback-Type: auth-failure"),
    ],
)
def test_reports_of_machines_stand_in_the_mailbox_and_open_no_ticket(core, octets):
    accounts.ensure_postmaster(core)
    for name in ("postmaster", "abuse"):
        assert mail(core, octets, name, "reports@big.example").outcome is Outcome.FILED
    inbox = core.db.read(lambda tx: core.mail.mailbox(tx, accounts.find_account(core, "postmaster").id, "INBOX"))
    assert inbox.messages == 3  # with the welcome: they are kept as they came
    assert tickets.count_by_state(core) == {}


@pytest.mark.parametrize(
    "octets",
    [
        # a person complained of our mail
        reported("feedback-report", "message/feedback-report", "Feedback-Type: abuse"),
        aggregate("application/gzip", "backup.gz", "My report"),
        written("Report domain: what is that?"),
    ],
)
def test_what_a_person_is_behind_opens_one(core, octets):
    accounts.ensure_postmaster(core)
    mail(core, octets, "abuse", "reports@big.example")
    assert [t.kind for t in tickets.list_tickets(core)] == ["abuse"]


def test_files_are_limited_to_pictures_pdf_and_text(core):
    message = EmailMessage()
    message["From"], message["Subject"], message["Message-ID"] = STRANGER, "Picture", "<p@x>"
    message.set_content("Look")
    message.add_attachment(b"\x89PNG\r\n\x1a\n....", maintype="image", subtype="png", filename="../bilde æ.png")
    message.add_attachment(b"MZ\x90\0", maintype="image", subtype="png", filename="virus.png")
    message.add_attachment(b"<script>", maintype="text", subtype="html", filename="page.html")
    mail(core, bytes(message))
    [ticket] = tickets.list_tickets(core)
    [one] = tickets.list_messages(core, ticket, notes=False)
    assert [(f.name, f.type) for f in one.files] == [("_bilde æ.png", "image/png")]
    assert "virus.png" in one.text
    assert tickets.load_file(core, ticket, one.files[0].id, notes=False).octets.startswith(b"\x89PNG")


def test_notes_and_their_files_are_for_the_desk_alone(core):
    ticket = ask(core)
    tickets.add_note(core, ticket.id, "has been rude")
    assert [m.author for m in tickets.list_messages(core, ticket, notes=False)] == ["person"]
    assert [m.author for m in tickets.list_messages(core, ticket, notes=True)] == ["person", "note"]


def test_two_cases_of_one_person_become_one_and_of_two_persons_never(core):
    first, second = ask(core), ask(core, subject="Again")
    assert tickets.merge_tickets(core, second.id, first.id).id == first.id
    assert len(said(core, first.id)) == 2
    mail(core, written("Re", "late"), f"help+{second.token}")
    assert said(core, first.id)[-1][1] == "late"
    assert tickets.get_ticket(core, second.id).id == first.id
    other = ask(core, reply_to="other@elsewhere.example")
    with pytest.raises(NotAllowed):
        tickets.merge_tickets(core, other.id, first.id)


def test_only_the_desk_is_given_cases(core, ola):
    ticket = ask(core)
    with pytest.raises(NotAllowed):
        tickets.assign_ticket(core, ticket.id, ola.id)
    accounts.set_role(core, "ola", "desk")
    assert tickets.assign_ticket(core, ticket.id, ola.id).assignee == ola.id
    assert [a.name for a in tickets.list_agents(core)] == ["ola"]


def test_s29_cases_end_answered_ones_after_a_month_closed_ones_are_erased(core, clock: SetClock):
    stranger, done = ask(core), ask(core, subject="Two")
    tickets.confirm_ticket(core, done.token)
    tickets.send_reply(core, done.id, "Svar", agent=None)
    clock.forward(days=4)
    tickets.expire_tickets(core)
    with pytest.raises(TicketNotFound):
        tickets.get_ticket(core, stranger.id)
    clock.forward(days=30)
    tickets.expire_tickets(core)
    assert tickets.get_ticket(core, done.id).state == "closed"
    clock.forward(days=366)
    tickets.expire_tickets(core)
    with pytest.raises(TicketNotFound):
        tickets.get_ticket(core, done.id)
    assert said_anywhere(core) == 0
    assert ask(core).id > done.id


def said_anywhere(core: Core) -> int:
    return core.db.read(lambda tx: tx.row("SELECT count(*) FROM ticket_message")[0])


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Jeg vet ikke hva jeg gjør galt, hvordan kommer jeg inn?", "nb"),
        ("Eg veit ikkje kva eg gjer gale, korleis kjem eg inn?", "nn"),
        ("I do not know what is wrong, how do I get in?", "en"),
        ("???", "nn"),
    ],
)
def test_the_answer_is_in_the_language_that_was_written(text, language):
    assert detect_language(text, "nn") == language


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("Thanks!\n\nOn Monday Help wrote:\n> old\n> text", "Thanks!"),
        ("Thanks!\n\nOn Monday, 1 June 2026 at 12,\nHelp <help@x> wrote:\n\n> old", "Thanks!"),
        ("> asked\n\nanswered", "> asked\n\nanswered"),
        ("> only quoted", "> only quoted"),
        ("one\ntwo:\nthree", "one\ntwo:\nthree"),
    ],
)
def test_what_was_quoted_is_left_out(written, left):
    assert strip_quote(written) == left

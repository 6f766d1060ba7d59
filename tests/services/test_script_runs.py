"""Scripts ask for facts of the account that they run for, in real deliveries."""

import asyncio
from datetime import timedelta

import pytest

import sieve
from mailcore import core as cores
from mailcore.clock import Clock
from mailcore.config_file import parse_config
from mailcore.domain import Away, Dsn, Envelope, FilterAction, FilterRule, FilterVerb, MailboxRecipient
from mailcore.errors import OverQuota, ScriptInvalid, TooMany
from mailcore.mail.reading.message import Message
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery
from mailcore.services.sieve_scripts import filters, out_of_office, scripts_library
from mailcore.services.sieve_scripts.recipient_view import Place, RecipientView
from mailcore.services.sieve_scripts.script_view import MessageText
from mailcore.services.webmail import address_book, contacts
from mailcore.store.mail import annotations
from sieve import parser
from tests.readers import by_python

MESSAGE = (
    b"From: Kari <kari@outside.example>\r\nTo: ola@alumni.example\r\nSubject: hei\r\n"
    b"Message-ID: <1@outside.example>\r\n\r\nbody\r\n"
)


class Hours(Clock):
    """A clock that a test moves."""

    moved = 0

    def now(self):
        return super().now() + timedelta(seconds=self.moved)


@pytest.fixture
def core(tmp_path):
    config = f'data = "{tmp_path}"\n[outbound]\nmode = "capture"\n[forwarding]\ntargets = "any"\n'
    built = cores.build(parse_config(config), Hours())
    yield built
    cores.close(built)


@pytest.fixture
def ola(core):
    account = accounts.add_account(core, "ola", display_name="Ola", quota=2**30, password="en lang hemmelighet").id
    core.db.write(lambda tx: tx.run("DELETE FROM queue"))
    return account


def personal(core, ola, source: str) -> None:
    filters.put_script(core, ola, "mine", source)
    filters.set_active_script(core, ola, "mine")


def deliver(core, ola, message: bytes = MESSAGE, trace: bytes = b"", dsn: Dsn | None = None):
    address = "ola@alumni.example"
    envelope = Envelope("kari@outside.example", (address,), dsn={address: dsn} if dsn else {})
    [done] = asyncio.run(delivery.accept(core, envelope, [MailboxRecipient(address, ola)], message, trace))
    return done


def boxes(core, ola, *args, **more) -> tuple[str, ...]:
    return deliver(core, ola, *args, **more).mailboxes


def octets_of(core, blob: int) -> bytes:
    return core.db.read(lambda tx: core.blobs.octets(tx, blob))


def queued(core, origin: str) -> bytes:
    return octets_of(core, core.db.read(lambda tx: tx.row("SELECT blob FROM queue WHERE origin=?", origin))[0])


def in_inbox(core, ola, columns: str) -> tuple:
    """Return columns of the newest message in INBOX."""
    where = "FROM message m JOIN mailbox b ON b.id=m.mailbox WHERE b.account_id=? AND b.name='INBOX' ORDER BY m.uid"
    return core.db.read(lambda tx: tx.rows(f"SELECT {columns} {where}", ola))[-1]


def sent(core) -> list[tuple]:
    return core.db.read(lambda tx: tx.rows("SELECT sender,recipient,origin,notify,ret FROM queue ORDER BY id"))


def test_scripts_include_the_site_s_library_and_the_owner_s_own(core, ola):
    (core.config.data_path / "sieve").mkdir()
    (core.config.data_path / "sieve" / "lists.sieve").write_text('require "fileinto"; fileinto "Lists";')
    filters.put_script(core, ola, "own", 'require ["fileinto", "copy", "mailbox"]; fileinto :create :copy "Own";')
    for box in ("Lists", "Other"):
        core.db.write(lambda tx, box=box: core.mail.create(tx, ola, box))
    personal(core, ola, 'require "include"; include "own"; include :global "lists";')
    assert boxes(core, ola) == ("Own", "Lists")
    # the next message meets the library as it is then
    (core.config.data_path / "sieve" / "lists.sieve").write_text('require "fileinto"; fileinto "Other";')
    assert boxes(core, ola) == ("Own", "Other")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", ".hidden", "a/b", "nobody"])
def test_no_name_leads_out_of_the_library(core, ola, name):
    (core.config.data_path / "sieve").mkdir()
    (core.config.data_path / "secret.sieve").write_text("discard;")
    personal(core, ola, f'require "include"; include :optional :global "{name}";')
    assert boxes(core, ola) == ("INBOX",)


def test_an_included_script_that_is_gone_means_keep_and_a_word_to_the_owner_once_a_day(core, ola):
    filters.put_script(core, ola, "other", "discard;")
    personal(core, ola, 'require "include"; include "other";')
    filters.delete_script(core, ola, "other")
    for _ in range(3):
        assert boxes(core, ola) == ("INBOX",)
    assert [(row[1], row[2]) for row in sent(core)] == [("ola@alumni.example", "notice")]
    core.clock.moved = 90_000
    boxes(core, ola)
    assert len(sent(core)) == 2


def test_a_script_that_fails_on_a_message_means_keep(core, ola):
    personal(core, ola, 'require "ihave"; error "nothing works";')
    assert boxes(core, ola) == ("INBOX",)
    assert b"nothing works" in queued(core, "notice")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nb", "linje 5: mer enn 4 videresendinger av én melding"),
        ("en", "line 5: more than 4 redirects for one message"),
    ],
)
def test_what_is_said_of_a_script_that_failed_is_in_the_owners_language(core, ola, language, words):
    accounts.set_language(core, ola, language)
    personal(core, ola, "".join(f'redirect "a{n}@outside.example";\n' for n in range(9)))
    assert boxes(core, ola) == ("INBOX",)
    assert words in " ".join(by_python(queued(core, "notice")).text.split())


def test_the_address_book_and_the_blocked_list_are_lists(core, ola):
    core.db.write(lambda tx: core.mail.create(tx, ola, "Friends"))
    script = (
        'require ["extlists", "fileinto", "envelope"];'
        'if address :list "from" ":addrbook:blocked" { discard; stop; }'
        'if envelope :list "from" "urn:ietf:params:sieve:addrbook:default" { fileinto "Friends"; }'
        'if not valid_ext_list [":addrbook:default", ":addrbook:blocked"] { discard; }'
        'if valid_ext_list "tag:nobody,2026:x" { discard; }'
    )
    personal(core, ola, script)
    assert boxes(core, ola) == ("INBOX",)
    address_book.save(core, ola, "Kari@Outside.example", "Kari", "")
    assert boxes(core, ola) == ("Friends",)
    contacts.block_sender(core, ola, "@outside.example")
    assert boxes(core, ola) == ()
    contacts.unblock_sender(core, ola, "@outside.example")
    address_book.delete(core, ola, ["kari@outside.example"])
    assert boxes(core, ola) == ("INBOX",)


def test_annotations_special_use_and_ids_of_mailboxes(core, ola):
    junk = core.db.read(lambda tx: core.mail.mailbox(tx, ola, "Junk"))
    core.db.write(lambda tx: annotations.save_entry(tx, ola, junk.id, "/private/comment", b"useless"))
    core.db.write(lambda tx: annotations.save_entry(tx, ola, 0, "/private/vendor/x", b"1"))
    script = (
        'require ["mboxmetadata", "servermetadata", "fileinto", "special-use", "mailboxid", "copy"];'
        'if allof (metadata "Junk" "/private/comment" "useless", servermetadata "/private/vendor/x" "1",'
        ' not metadataexists "Nobody" "/private/comment", specialuse_exists "\\\\Junk",'
        ' specialuse_exists "Sent" "\\\\Sent", not specialuse_exists "INBOX" "\\\\Sent", mailboxidexists "%s")'
        ' { fileinto :copy :specialuse "\\\\Junk" "Wherever"; fileinto :mailboxid "%s" "Wherever"; }'
    )
    sent_box = core.db.read(lambda tx: core.mail.mailbox(tx, ola, "Sent"))
    personal(core, ola, script % (junk.object_id, sent_box.object_id))
    assert boxes(core, ola) == ("Junk", "Sent")


def test_a_mailbox_is_made_with_its_use(core, ola):
    core.db.write(lambda tx: tx.run("DELETE FROM mailbox WHERE special_use='\\Archive'"))
    personal(
        core, ola, 'require ["fileinto", "mailbox", "special-use"]; fileinto :specialuse "\\\\Archive" :create "Old";'
    )
    assert boxes(core, ola) == ("Old",)
    assert core.db.read(lambda tx: core.mail.mailbox(tx, ola, "Old")).special_use == "\\Archive"


def test_a_missing_mailbox_means_inbox_unless_it_is_to_be_made(core, ola):
    personal(core, ola, 'require "fileinto"; fileinto "Nowhere";')
    assert boxes(core, ola) == ("INBOX",)
    personal(core, ola, 'require ["fileinto", "mailbox"]; fileinto :create "Nowhere";')
    assert boxes(core, ola) == ("Nowhere",)


def test_duplicates_are_remembered_in_the_database_for_their_time(core, ola):
    personal(core, ola, 'require "duplicate"; if duplicate :seconds 3600 { discard; }')
    assert boxes(core, ola) == ("INBOX",)
    assert boxes(core, ola) == ()
    core.clock.moved = 4000
    assert boxes(core, ola) == ("INBOX",)


def test_scores_are_believed_only_in_our_own_trace_fields(core, ola):
    core.db.write(lambda tx: core.mail.create(tx, ola, "Spam"))
    script = (
        'require ["spamtest", "spamtestplus", "virustest", "relational", "comparator-i;ascii-numeric", "fileinto"];'
        'if spamtest :percent :value "ge" :comparator "i;ascii-numeric" "50" { fileinto "Spam"; }'
        'if virustest :value "eq" :comparator "i;ascii-numeric" "5" { discard; }'
    )
    personal(core, ola, script)
    score = b"X-Spam-Status: Yes, score=7.1 required=5.0\r\n"
    assert boxes(core, ola, score + MESSAGE) == ("INBOX",)
    assert boxes(core, ola, trace=score) == ("Spam",)
    assert boxes(core, ola, trace=b"X-Virus-Status: Infected\r\n") == ()


def test_delivery_options_are_read_and_set(core, ola):
    personal(
        core,
        ola,
        'require ["envelope", "envelope-dsn", "redirect-dsn"];'
        'if envelope "notify" "SUCCESS,FAILURE" { redirect :notify ["never"] "a@b.example"; }'
        'else { redirect :notify ["FAILURE", "DELAY"] :ret "HDRS" "a@b.example"; }',
    )
    deliver(core, ola)
    deliver(core, ola, dsn=Dsn(notify="SUCCESS,FAILURE"))
    assert [row[3:] for row in sent(core) if row[2] == "forward"] == [("FAILURE,DELAY", "HDRS"), ("NEVER", "")]


def test_redirects_go_out_four_at_most_and_never_in_a_circle(core, ola):
    five = "".join(f'redirect "a{n}@b.example";' for n in range(5))
    personal(core, ola, five)
    assert boxes(core, ola) == ("INBOX",)
    assert [row[2] for row in sent(core)] == ["notice"]
    personal(core, ola, 'redirect "out@b.example";')
    assert boxes(core, ola, b"Delivered-To: ola@alumni.example\r\n" + MESSAGE) == ("INBOX",)
    assert deliver(core, ola).outcome.value == "forwarded"
    [row] = [row for row in sent(core) if row[2] == "forward"]
    assert row[0].lower().startswith("srs0=")
    octets = queued(core, "forward")
    assert octets == MESSAGE  # nothing was added, no Resent- fields either


def test_what_the_generated_script_flags_the_personal_one_keeps(core, ola):
    actions = (FilterAction(FilterVerb.FLAG), FilterAction(FilterVerb.FORWARD, "a@b.example"))
    filters.save_rules(core, ola, [FilterRule("r", (), actions)])
    personal(core, ola, 'require ["imap4flags"]; addflag "mine"; redirect "A@b.example"; keep;')
    assert boxes(core, ola) == ("INBOX",)
    flags, keywords = in_inbox(core, ola, "m.flags, m.keywords")
    assert flags
    assert "mine" in keywords
    assert [row[1] for row in sent(core)] == ["a@b.example"]


def test_one_reply_though_both_scripts_answer(core, ola):
    out_of_office.save_away(core, ola, Away(True, text="borte"))
    personal(core, ola, 'require "vacation"; vacation "also away";')
    deliver(core, ola)
    assert [row[1] for row in sent(core)] == ["kari@outside.example"]


def test_handles_tell_replies_apart_and_last_their_days(core, ola):
    personal(core, ola, 'require "vacation"; vacation :days 3 :handle "a" "one";')
    deliver(core, ola)
    personal(core, ola, 'require "vacation"; vacation :days 3 :handle "a" "two";')
    deliver(core, ola)
    assert len(sent(core)) == 1
    personal(core, ola, 'require "vacation"; vacation :days 3 :handle "b" "three";')
    deliver(core, ola)
    assert len(sent(core)) == 2
    core.clock.moved = 3 * 86_400 + 60
    deliver(core, ola)
    assert len(sent(core)) == 3


@pytest.mark.parametrize("field", [
    b"List-Id: <x.example>", b"List-Unsubscribe: <mailto:x@y.example>", b"Precedence: bulk", b"Precedence: LIST",
    b"Precedence: junk",
    b"Auto-Submitted: auto-generated", b"Auto-Submitted: auto-replied; x=y", b"X-Auto-Response-Suppress: DR, OOF",
])  # fmt: skip
def test_no_reply_to_machines_and_lists(core, ola, field):
    personal(core, ola, 'require "vacation"; vacation "away";')
    deliver(core, ola, field + b"\r\n" + MESSAGE)
    assert sent(core) == []
    deliver(core, ola, b"Auto-Submitted: no\r\n" + MESSAGE)
    assert len(sent(core)) == 1


def test_no_reply_when_none_of_the_owner_s_addresses_is_named(core, ola):
    other = MESSAGE.replace(b"To: ola@alumni.example", b"To: team@alumni.example")
    personal(core, ola, 'require "vacation"; vacation "away";')
    deliver(core, ola, other)
    assert sent(core) == []
    personal(core, ola, 'require "vacation"; vacation :addresses ["Team@alumni.example"] "away";')
    deliver(core, ola, other)
    assert len(sent(core)) == 1
    octets = queued(core, "vacation")
    assert b"From: ola@alumni.example\r\n" in octets  # team may be somebody else
    assert b"In-Reply-To: <1@outside.example>\r\n" in octets
    assert b"Auto-Submitted: auto-replied" in octets


def test_an_enclosed_message_is_filed_and_the_original_is_sent_on(core, ola):
    script = 'require ["enclose", "copy"]; enclose :subject "Warning" "Read with care."; redirect :copy "a@b.example";'
    personal(core, ola, script)
    assert boxes(core, ola) == ("INBOX",)
    [kept] = in_inbox(core, ola, "m.blob")
    octets = octets_of(core, kept)
    assert b"Subject: Warning\r\n" in octets
    assert MESSAGE in octets
    assert queued(core, "forward") == MESSAGE


def test_scripts_are_limited_in_number_and_size(core, ola):
    for number in range(filters.MAX_SCRIPTS):
        filters.put_script(core, ola, f"s{number}", "keep;")
    with pytest.raises(TooMany):
        filters.check_space(core, ola, "one more", 5)
    filters.check_space(core, ola, "s1", 5)
    with pytest.raises(OverQuota):
        filters.check_space(core, ola, "s1", filters.MAX_OCTETS + 1)
    big = "#" * (filters.MAX_OCTETS - 10)
    for number in range(3):
        filters.put_script(core, ola, f"s{number}", big)
    with pytest.raises(OverQuota):
        filters.put_script(core, ola, "s4", big)


def test_all_problems_are_told_with_line_and_column(core, ola):
    with pytest.raises(ScriptInvalid) as told:
        filters.put_script(core, ola, "bad", 'keep\nstop;\n  fileinto "x";')
    assert str(told.value).splitlines() == [
        "line 1, column 1: 'keep' takes no test; is a ';' missing before 'stop'?",
        "line 3, column 3: 'fileinto' needs: require \"fileinto\";",
    ]


def test_a_script_is_read_a_few_times_to_be_stored(core, ola, monkeypatch):
    read, sources = parser._Parser._read, []

    def counted(self):
        sources.append(self._source)
        return read(self)

    monkeypatch.setattr(parser._Parser, "_read", counted)
    filters.put_script(core, ola, "mine", "keep;")
    assert sources == ["keep;"]
    filters.list_advice(core, ola, "keep;")
    assert len(sources) == 4


def test_few_of_many_includes_and_mailboxes_are_told(core, ola, monkeypatch):
    asked = []
    monkeypatch.setattr(scripts_library, "make_library", lambda *given: lambda place, name: asked.append(name))
    many = 'require ["include","fileinto"];' + "".join(
        f'include :optional "x{n}"; fileinto "y{n}";' for n in range(999)
    )
    assert len(filters.list_advice(core, ola, many)) == filters.MAX_ADVICE
    assert len(asked) == scripts_library.MAX_SCRIPTS


def test_the_account_is_asked_once_for_all_special_uses_ids_and_annotations(core, ola):
    """All that a script asks of the account is asked again within the write."""
    asked = """require ["special-use", "mailboxid", "mboxmetadata"];
        if anyof (specialuse_exists "\\\\Nothing", mailboxidexists "a", mailboxidexists "b",
            metadataexists "INBOX" ["/private/a"], metadataexists "INBOX" ["/private/b"]) { keep; }"""
    message = MessageText(Message(MESSAGE))

    def run(tx):
        place = Place(core, tx, ola, core.clock.now())
        view = RecipientView(place, message, Envelope("kari@outside.example", ()), "ola@alumni.example")
        sieve.run(sieve.compile_script(asked), view)
        return set(place.answers)

    assert core.db.read(run) == {"uses", "ids", ("metadata", "INBOX")}

"""SEARCH in decoded headers and bodies of any charset, by dates, and by sets with numbers that no message has."""

import base64
from datetime import datetime, timedelta, timezone

from mailcore.services.accounts import accounts
from tests.protocol.test_imap_server import Client, core, run

__all__ = ["core"]  # the fixture

BODY = "Vi møtes i Ålesund på ØSTLANDET, straße, Ωμέγα, И снова"
MAIL = [
    b"Subject: =?utf-8?Q?Bl=C3=A5b=C3=A6r?=\r\n =?utf-8?Q?_og_r=C3=B8mme?=\r\n"
    b"From: =?iso-8859-1?Q?K=E5re?= <kare@x>\r\n\r\nplain\r\n",
    b"Subject: b64\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.encodebytes(BODY.encode()),
    b"Subject: qp\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"Vi m=F8tes i =C5le=\r\nsund\r\n",
    b"Subject: koi\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n" + "И снова".encode("koi8-r"),
    "Subject: rå åtte bit\r\n\r\nx\r\n".encode("latin-1"),
    b"Subject: html\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Vi <b>m\xc3\xb8tes</b></p>\r\n",
    b"Subject: attached\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nouter\r\n--b\r\n"
    b"Content-Type: message/rfc822\r\n\r\nSubject: hidden\r\n\r\ninner words\r\n--b--\r\n",
    b"\r\nno header at all\r\n",
]  # fmt: skip


def fill(core) -> None:
    ola = accounts.find_account(core, "ola").id

    def work(tx):
        box = core.mail.create(tx, ola, "Search")
        for number, octets in enumerate(MAIL):
            at = datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-5))) + timedelta(days=number)
            core.mail.append(tx, ola, box.id, core.blobs.prepare(octets), frozenset(), at)

    core.db.write(work)


QUESTIONS = [
    ("SUBJECT blåbær", "1"), ("SUBJECT BLÅBÆR", "1"), ("SUBJECT {n}rømme", "1"), ("SUBJECT \"bær og\"", "1"),
    ("FROM kåre", "1"), ("FROM KÅRE", "1"), ("SUBJECT \"RÅ ÅTTE\"", "5"), ("TEXT RÅ", "5"),
    ("BODY møtes", "2 3 6"), ("BODY MØTES", "2 3 6"), ("BODY ålesund", "2 3"), ("BODY ΩΜΈΓΑ", "2"), ("BODY \"и СНОВА\"", "2 4"),
    ("BODY østlandet", "2"), ("TEXT blåb", "1"), ("BODY outer", "7"), ("BODY \"inner words\"", "7"),
    ("BODY header", "8"), ("SUBJECT x", ""), ("NOT SUBJECT b64 BODY møtes", "3 6"),
    ("OR SUBJECT koi SUBJECT qp", "3 4"), ("CHARSET US-ASCII SUBJECT html", "6"),
    ("ON 1-Mar-2026", "1"), ("SINCE 3-Mar-2026 BEFORE 5-Mar-2026", "3 4"), ("ON \"2-mar-2026\"", "2"),
    ("1:*", "1 2 3 4 5 6 7 8"), ("*", "8"), ("4294967295:8", "8"), ("UID 1:4294967295", "1 2 3 4 5 6 7 8"),
    ("100:200", ""), ("UID 100:*", "8"), ("NOT 1:7", "8"), ("(OR (1) (2)) 2", "2"), ("HEADER Subject \"\"", "1 2 3 4 5 6 7"),
    ("SMALLER 4294967295 LARGER 0", "1 2 3 4 5 6 7 8"), ("BEFORE 1-Jan-1900", ""), ("KEYWORD $None", ""),
    ("UNKEYWORD $None 1", "1"),
]  # fmt: skip


def test_what_is_found(core):
    fill(core)

    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        await client.command(b'LOGIN ola "en lang hemmelighet"')
        await client.command(b"SELECT Search")
        wrong = []
        for question, wanted in QUESTIONS:
            octets = question.encode()
            if b"{n}" in octets:
                before, after = octets.split(b"{n}")
                octets = before + b"{%d+}\r\n" % len(after) + after
            else:
                words = octets.split(b" ")
                octets = b" ".join(
                    b'"%s"' % word if not word.isascii() and b'"' not in word else word for word in words
                )
            heard = await client.command(b"SEARCH " + octets)
            told = heard[0].decode().strip().removeprefix("* SEARCH").strip()
            if told != wanted or not heard[-1].startswith(b"t OK"):
                wrong.append((question, wanted, told))
        assert wrong == []

    run(core, play)


BAD = [
    b"", b"SUBJECT", b"ON 32-Jan-2026", b"ON 1-Foo-2026", b"0", b"1:", b"UID", b"NOT", b"OR ALL", b"(ALL", b"ALL)", b"LARGER x",
    b"KEYWORD", b"CHARSET", b"HEADER Subject", b"5000000000", b"1,,2", b"SUBJECT \"open", b"MODSEQ x", b"OLDER -1", b"$ 1:",
]  # fmt: skip


def test_what_is_no_search_is_bad(core):
    async def play(imaps, _):
        for question in BAD:  # a client that is wrong too often is sent away
            client = await Client.connect(imaps, tls=True)
            await client.command(b'LOGIN ola "en lang hemmelighet"')
            await client.command(b"SELECT INBOX")
            assert (await client.command(b"SEARCH " + question))[-1].startswith(b"t BAD"), question
            assert (await client.command(b"NOOP"))[-1].startswith(b"t OK")

    run(core, play)


def test_older_clients_ask_in_the_charset_they_type_in(core):
    fill(core)

    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        await client.command(b'LOGIN ola "en lang hemmelighet"')
        await client.command(b"SELECT Search")
        for charset, word, wanted in [
            ("iso-8859-1", "møtes", b"2 3 6"),
            ("WINDOWS-1252", "MØTES", b"2 3 6"),
            ("koi8-r", "снова", b"2 4"),
        ]:
            octets = word.encode(charset)
            ask = b"CHARSET " + charset.encode() + b" BODY {%d+}\r\n" % len(octets) + octets
            assert (await client.command(b"SEARCH " + ask))[0] == b"* SEARCH " + wanted + b"\r\n"
        heard = await client.command(b"SORT (ARRIVAL) iso-8859-1 BODY {5+}\r\n" + "møtes".encode("iso-8859-1"))
        assert heard[0] == b"* SORT 2 3 6\r\n"
        for unknown in (b"idna", b"punycode", b"zip", b"utf-16", b"utf-7", b"..", b"UNICODE_ESCAPE"):
            assert b"BADCHARSET" in (await client.command(b"SEARCH CHARSET " + unknown + b" BODY x"))[0]

    run(core, play)


def test_an_empty_mailbox_has_no_numbers(core):
    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        await client.command(b'LOGIN ola "en lang hemmelighet"')
        await client.command(b"SELECT Drafts")
        for question in (b"SEARCH 1:*", b"SEARCH *", b"UID SEARCH UID 1:*", b"SEARCH ALL"):
            assert await client.command(question) == [b"* SEARCH\r\n", b"t OK Done\r\n"]
        assert await client.command(b"UID FETCH 1:* FLAGS") == [b"t OK Done\r\n"]
        assert await client.command(b"UID STORE 1:* +FLAGS (\\Seen)") == [b"t OK Done\r\n"]
        assert (await client.command(b"FETCH 1:* FLAGS"))[-1].startswith(b"t ")

    run(core, play)


def test_a_long_search_says_how_far_it_is(core, monkeypatch):
    monkeypatch.setattr("mailcore.imap.commands.progress.EVERY_SECONDS", 0)
    fill(core)

    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        await client.command(b'LOGIN ola "en lang hemmelighet"')
        await client.command(b"SELECT Search")
        heard = await client.command(b"SEARCH BODY xyz")
        assert heard[0].startswith(b'* OK [INPROGRESS ("t" 0 8)] ')
        assert heard[-2:] == [b"* SEARCH\r\n", b"t OK Done\r\n"]

    run(core, play)

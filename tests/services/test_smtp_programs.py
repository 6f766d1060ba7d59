"""How mail programs send: their commands in their order, as recorded of real ones (November 2026)."""

import pytest

from mailcore import core as cores
from tests.smtp_talk import PASSWORD, SECRET, build, coded, inbox, talk

LETTER = "From: ola@alumni.example\r\nSubject: hei\r\n\r\nhei\r\n.\r\n"
PLAIN = f"AUTH PLAIN {SECRET}"
# greeting, log-in, then MAIL; each with the codes that are heard
PROGRAMS = {
    "aerc": ("EHLO localhost", PLAIN, "MAIL FROM:<ola@alumni.example> BODY=8BITMIME"),
    "Alpine": ("EHLO localhost", PLAIN, "MAIL FROM:<ola@alumni.example> BODY=8BITMIME"),
    "Claws Mail": (
        "EHLO vm",
        f"AUTH LOGIN\r\n{coded('ola')}\r\n{coded(PASSWORD)}",
        "MAIL FROM:<ola@alumni.example> SIZE=300",
    ),
    "curl": ("EHLO up.eml", f"AUTH PLAIN\r\n{SECRET}", "MAIL FROM:<ola@alumni.example> SIZE=47"),
    "Evolution": (
        "EHLO [127.0.0.1]",
        f"AUTH LOGIN\r\n{coded('ola')}\r\n{coded(PASSWORD)}",
        "MAIL FROM:<ola@alumni.example>",
    ),
    "Geary": ("ehlo [127.0.0.1]", PLAIN, "mail from:<ola@alumni.example>"),
    "ImapFlow's nodemailer": ("EHLO [127.0.0.1]", PLAIN, "MAIL FROM:<ola@alumni.example>"),
    "msmtp": ("EHLO localhost", PLAIN, "MAIL FROM:<ola@alumni.example>"),
    "mutt": ("EHLO vm", PLAIN, "MAIL FROM:<ola@alumni.example> BODY=8BITMIME"),
    "Sylpheed": ("EHLO vm", PLAIN, "MAIL FROM:<ola@alumni.example>"),
    "Thunderbird": (
        "EHLO [127.0.0.1]",
        f"AUTH PLAIN {SECRET}",
        "MAIL FROM:<ola@alumni.example> BODY=8BITMIME SIZE=396",
    ),
}


@pytest.fixture
def core(tmp_path):
    built = build(tmp_path)
    yield built
    cores.close(built)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_sends_a_letter(core, name):
    hello, log_in, mail = PROGRAMS[name]

    async def play(connect):
        client = await connect(ehlo=False)
        assert await client.codes(hello + "\r\n", 1) == "250"
        *asks, last = [await client.codes(line + "\r\n", 1) for line in log_in.split("\r\n")]
        assert (set(asks) <= {"334"}, last) == (True, "235")
        for line, code in ((mail, "250"), ("RCPT TO:<kari@alumni.example>", "250"), ("DATA", "354")):
            assert await client.codes(line + "\r\n", 1) == code
        before = len(inbox(core, "kari"))
        assert await client.codes(LETTER, 1) == "250"
        assert len(inbox(core, "kari")) == before + 1
        assert await client.codes("QUIT\r\n", 1) == "221"

    talk(core, play, "submissions")


def test_alpine_is_told_why_in_the_reply_that_it_shows(core):
    async def play(connect):
        client = await connect(ehlo=False)
        await client.say("EHLO localhost\r\n")
        await client.say(PLAIN + "\r\n")
        refusal = (await client.say("MAIL FROM:<local@machine.example> BODY=8BITMIME\r\n"))[0]
        assert refusal == "550 5.7.1 The sender must be an address of yours"
        assert (await client.say("RCPT TO:<kari@alumni.example>\r\n"))[0].endswith(refusal)
        assert await client.codes("RSET\r\nQUIT\r\n", 2) == "250 221"

    talk(core, play, "submissions")


def test_neomutt_may_give_up_a_mechanism_and_go_on(core):
    async def play(connect):
        client = await connect(ehlo=False)
        await client.say("EHLO vm\r\n")
        assert await client.codes("AUTH LOGIN\r\n*\r\n", 2) == "334 501"
        assert await client.codes(PLAIN + "\r\n", 1) == "235"

    talk(core, play, "submissions")

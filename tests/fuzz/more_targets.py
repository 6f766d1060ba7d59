"""Targets beside those of IMAP and MIME: what else reads octets of strangers."""

import asyncio
import io
from types import SimpleNamespace
from typing import Any, cast

import dns.exception
import dns.message
import dns.rdata

from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Envelope
from mailcore.errors import ImportRefused
from mailcore.mail.moving import maildir, mbox, vcard, whole_cards
from mailcore.mail.passing import authresults
from mailcore.mail.reading import (
    address,
    automatic,
    charsets,
    dates,
    feedback,
    header,
    returned,
    structure,
    trace,
    words,
)
from mailcore.mail.reading.message import Message
from mailcore.mail.showing import body, files, html_text, invitation, machine_report, searchable
from mailcore.net.dns import text_of
from mailcore.queue import sts
from mailcore.queue.bounce import make_status
from mailcore.queue.client import Answer
from mailcore.queue.wire import Lost, Reply, Wire, parse_extensions, stuff_dots
from mailcore.services.mailauth import arc, authentication, dmarc
from mailcore.services.transfer.zip_reader import DAMAGED, ZipReader
from mailcore.services.webmail import html_mail
from mailcore.smtp import parameters
from mailcore.smtp.data import DataReader
from mailcore.wire import proxy
from sieve import Options, ScriptError, ScriptRuntimeError, check_script, compile_script, run
from tests.services.test_html_mail import Reader
from tests.sieve.view import View


def text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace").replace("\0", "\ufffd")


def smtp_lines(octets: bytes) -> None:
    """MAIL and RCPT: an address that can stand in a command of ours, or a refusal."""
    line = text(octets)
    try:
        sender = parameters.parse_mail(line, tls=len(octets) % 2 == 0).sender
        assert not sender or "@" in sender
        assert not {"\r", "\n"} & set(sender)
    except parameters.Refused:
        pass
    try:
        found = parameters.parse_rcpt(line, postmaster="postmaster@alumni.example", smtputf8=True)
        assert parameters.is_address(found.address)
        assert not {"\r", "\n"} & set(found.address + found.orcpt + found.notify)
    except parameters.Refused:
        pass


def smtp_data(octets: bytes) -> None:
    """However the octets are cut, the same message comes out, and it goes out as one."""
    whole, pieces = message_of(octets, len(octets) or 1), message_of(octets, 1 + len(octets) % 7)
    assert whole == pieces
    sent = b"".join(stuff_dots([whole[0]]))
    assert sent.count(b"\r\n.\r\n") + sent.startswith(b".\r\n") == 1


def message_of(octets: bytes, step: int) -> tuple[bytes, bool, bytes | None]:
    reader, taken = DataReader(), b""
    for at in range(0, len(octets), step):
        rest = reader.feed(octets[at : at + step])
        if rest is not None:
            taken += reader.take_octets()
            return taken, reader.bare, rest + octets[at + step :]
    return taken + reader.take_octets(), reader.bare, None


def smtp_replies(octets: bytes) -> None:
    """Read replies of another host, whole or in pieces."""

    async def read() -> None:
        wire = Wire()
        wire.data_received(octets)
        wire.connection_lost(None)
        for _ in range(50):
            reply = await wire.reply(5)
            assert 0 <= reply.code <= 999
            assert not {"\r", "\n"} & set(reply.text)
            parse_extensions(reply)
            make_status(Answer("mx.x.example", reply.code, reply.text)).encode("ascii")

    try:
        asyncio.run(read())
    except Lost:
        return


def addresses(octets: bytes) -> None:
    for one in address.parse(octets):
        for part in (one.name, one.spec, one.shown):
            assert not {"\r", "\n", "\0"} & set(part)
            part.encode()
    address.parse_raw(octets)
    address.display_name(octets)
    address.addr_specs(octets)


def headers(octets: bytes) -> None:
    block, _ = header.split(octets)
    assert octets.startswith(block)
    fields = list(header.fields(block))
    for name in dict.fromkeys(name for name, _ in fields[:20]):  # each look goes through all of them
        header.values(block, name)
    for _, value in fields:
        words.decode(value).encode()
        dates.parse(header.decode(value))
    header.without(block, lambda name, value: False)
    authresults.without_forged(block, "alumni.example")
    trace.count_received(block)
    trace.without_return_path(block)
    whole = Message(octets)
    for ask in (automatic, machine_report):
        for name in ("is_automatic", "is_report"):
            if check := getattr(ask, name, None):
                check(whole if name == "is_report" else whole.header)


def charset(octets: bytes) -> None:
    label, _, rest = octets.partition(b"\n")
    found = charsets.decode(rest, label.decode("latin-1"))
    found.encode()
    charsets.decode_undeclared(octets).encode()
    charsets.of_html(octets).encode()
    charsets.is_known(label.decode("latin-1"))


def shown(octets: bytes) -> None:
    """Read what people see of a message: text, HTML, files, reports, invitations."""
    root = structure.parse(octets)
    body.readable(octets, root, 10_000).encode()
    searchable.read(octets, root)
    html_mail.page_of(octets)
    for part in structure.leaves(root):
        files.safe_name(text(octets[part.body_start : part.body_start + 80])).encode()
    invitation.find_invitation(octets, root, ("ola@alumni.example",))
    returned.read_returned(octets)
    feedback.read_feedback(octets, root)


def html(octets: bytes) -> None:
    written = text(octets)
    page = html_mail.clean(written, {}).html
    reader = Reader()
    reader.feed(page.partition("<body>")[2].removesuffix("</body></html>"))
    assert reader.found == []
    html_text.from_html(written, 10_000).encode()


def sieve_script(octets: bytes) -> None:
    """A script has errors, or compiles and runs."""
    source = text(octets)
    check_script(source)
    try:
        program = compile_script(source, options=FEW_STEPS)
    except ScriptError:
        return
    try:
        run(program, View("From: a@b.example\nSubject: hei\n\nhei\n"), FEW_STEPS)
    except ScriptRuntimeError:
        return


def cards(octets: bytes) -> None:
    for one in vcard.read(octets):
        vcard.write([one])
    for _ in vcard.read_people(octets):
        pass
    for card in whole_cards.list_cards(octets):
        whole_cards.change_person(card, "Ola", "note")
    whole_cards.read_card(octets)


def calendar(octets: bytes) -> None:
    found = invitation.read_invitation(text(octets), ("ola@alumni.example",))
    if found is not None:
        repr(found).encode("utf-8", "surrogatepass")


def zip_file(octets: bytes) -> None:
    try:
        archive = ZipReader(io.BytesIO(octets))
        for name in archive.names[:20]:
            assert archive.size(name) >= 0
            for number, _ in enumerate(archive.read(name, 4096)):
                if number > 200:
                    break
    except (ImportRefused, *DAMAGED):  # the caller answers both alike
        return


def mbox_file(octets: bytes) -> None:
    try:
        for one in mbox.read(io.BytesIO(octets), 10_000):
            assert one is None or len(one.octets) <= 10_000
    except mbox.NotMbox:
        pass
    lines = text(octets).split("\n")
    for line in lines[:50]:
        maildir.read_name(line)
    maildir.read_keywords(lines)
    maildir.read_others(lines)


def signatures(octets: bytes) -> None:
    """DKIM, ARC, SPF and DMARC: the first line of the input is what DNS says, the rest is the message."""
    record, _, rest = octets.partition(b"\n")
    said = dns.rdata.from_text(
        "IN", "TXT", " ".join(f'"{_zone(record[at : at + 250])}"' for at in range(0, max(1, len(record)), 250))
    )

    def ask(_name: str, kind: str) -> tuple[Any, ...]:
        return (said,) if kind == "TXT" else ()

    whole = Message(rest)
    dmarc.policy("outside.example", ask)
    arc.verify(whole, ask)
    core = cast(Core, SimpleNamespace(config=Config(data="var")))
    envelope = Envelope("a@outside.example", ("ola@alumni.example",), "192.0.2.1", "x.example")
    verdict = authentication._judge(core, envelope, whole, ask)
    assert verdict.field.count(b"\r\n\r\n") == 0


def _zone(octets: bytes) -> str:
    """As a zone file has it."""
    return "".join(
        f"\\{octet:03d}" if octet < 33 or octet > 126 or octet in b'"\\;' else chr(octet) for octet in octets
    )


def policies(octets: bytes) -> None:
    """MTA-STS, as another site's web server has it."""
    try:
        policy = sts.parse_policy(text(octets), "1", 0)
    except sts.StsTrouble:
        return
    assert 0 <= policy.expires_at <= sts.MOST_AGE
    sts.is_allowed(policy, "mx.x.example")


def dns_answers(octets: bytes) -> None:
    """Read answers of a name server, as far as we read them ourselves."""
    try:
        answer = dns.message.from_wire(octets)
    except (dns.exception.DNSException, ValueError):
        return
    for rrset in answer.answer:
        for record in rrset:
            if hasattr(record, "strings"):
                text_of(record)


def proxies(octets: bytes) -> None:
    """The header of a load balancer, which comes as it likes."""
    held = b""
    try:
        for at in range(len(octets)):
            held = octets[: at + 1]
            if (found := proxy.read(held)) is not None:
                found.address.encode("ascii")
                return
            assert 0 < proxy.wanted(held) < 65_536
    except proxy.ProxyProblem:
        return


def reports(octets: bytes) -> None:
    """Delivery reports that come back, and those that we write of a host's words."""
    found = returned.read_returned(octets)
    if found is not None:
        repr(found).encode("utf-8", "surrogatepass")
    reply = Reply(550, tuple(text(line) for line in octets.split(b"\n")[:20]))
    make_status(Answer("mx.x.example", 550, reply.text)).encode("ascii")


FEW_STEPS = Options(max_steps=5000)
MORE = {
    "smtp_lines": smtp_lines,
    "smtp_data": smtp_data,
    "smtp_replies": smtp_replies,
    "addresses": addresses,
    "headers": headers,
    "charset": charset,
    "shown": shown,
    "html": html,
    "sieve": sieve_script,
    "cards": cards,
    "calendar": calendar,
    "zip": zip_file,
    "mbox": mbox_file,
    "signatures": signatures,
    "policies": policies,
    "dns": dns_answers,
    "proxy": proxies,
    "reports": reports,
}

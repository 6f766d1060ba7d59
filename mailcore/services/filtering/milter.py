"""Ask a content filter by the milter protocol (wire/milter.py); blocking, in a thread of those that wait."""

import socket
import struct
from contextlib import closing
from dataclasses import dataclass, field

from mailcore.config import Config
from mailcore.domain import Envelope
from mailcore.mail.reading import header
from mailcore.mail.reading.octets import BLOCK, Octets
from mailcore.wire import milter
from mailcore.wire.milter import Added, MilterProblem, Wanted


@dataclass(slots=True)
class Answer:
    """A filter's answer: `reply` refuses the message, `quarantine` is why it should be put aside."""

    reply: str = ""
    quarantine: str = ""
    fields: list[Added] = field(default_factory=list)
    discard: bool = False


class _Conversation:
    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._file = sock, sock.makefile("rb")
        self.answer = Answer()

    def read(self) -> tuple[bytes, bytes]:
        start = self._file.read(4)
        if len(start) < 4:
            raise MilterProblem("the filter closed")
        [length] = struct.unpack("!I", start)
        if not 1 <= length <= milter.MAX_PACKET:
            raise MilterProblem(f"a packet of {length} octets")
        octets = self._file.read(length)
        if len(octets) < length:
            raise MilterProblem("the filter closed")
        return octets[:1], octets[1:]

    def negotiate(self) -> Wanted:
        self._sock.sendall(milter.offer())
        command, data = self.read()
        if command != b"O":
            raise MilterProblem("no answer to the offer")
        return milter.wanted(data)

    def tell(self, octets: bytes, *, quiet: bool) -> bytes:
        """Say something; `c` to go on, `s` to skip the rest of the body, else the message's fate is known."""
        self._sock.sendall(octets)
        return b"c" if quiet else self.hear()

    def hear(self) -> bytes:
        while True:
            command, data = self.read()
            if command in b"cas":
                return command
            if command in (b"h", b"i"):
                added = milter.added(command, data)
                if added is not None:
                    self.answer.fields.append(added)
            elif command == b"q":
                self.answer.quarantine = " ".join(milter.words(data))[:200] or "quarantine"
            elif command == b"d":
                self.answer.discard = True
                return command
            elif command in (b"r", b"t"):
                self.answer.reply = (
                    "550 5.7.1 Refused by a content filter" if command == b"r" else "451 4.7.1 Try again later"
                )
                return command
            elif command == b"y":
                self.answer.reply = _reply(milter.words(data))
                return command
            # what is left: progress, and changes of octets or recipients, which we do not make


def _reply(found: list[str]) -> str:
    line = "".join(char for char in (found[0] if found else "") if " " <= char <= "~")[:400]
    return line if line[:1] in ("4", "5") and line[1:3].isdigit() else "550 5.7.1 Refused by a content filter"


def _open(address: str, seconds: int) -> socket.socket:
    """`unix:PATH` or `inet:HOST:PORT`; raises OSError."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(seconds)
        try:
            sock.connect(rest)
        except OSError:
            sock.close()
            raise
        return sock
    host, _, port = rest.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), seconds)


def ask(config: Config, address: str, envelope: Envelope, octets: Octets, queue_id: str) -> Answer:
    """One message, one connection.  Raises OSError, MilterProblem."""
    with closing(_open(address, config.filter.seconds)) as sock:
        talk = _Conversation(sock)
        wants = talk.negotiate().steps
        fate = _introduce(talk, wants, config, envelope, queue_id)
        if fate == b"c":
            fate = _show(talk, wants, octets)
        if fate in b"cs":
            sock.sendall(milter.macros(b"E", (("i", queue_id),)) + milter.packet(b"E"))
            talk.hear()
        sock.sendall(milter.packet(b"Q"))
        return talk.answer


def _introduce(talk: _Conversation, wants: int, config: Config, envelope: Envelope, queue_id: str) -> bytes:
    """Connection, HELO, MAIL and RCPT."""
    name = f"[{envelope.peer}]"
    known = [("j", config.host), ("{daemon_name}", "Alumnimail"), ("v", "Alumnimail"), ("_", f"{name} {name}")]
    login = [("{auth_authen}", str(envelope.authenticated))] if envelope.authenticated else []
    steps = [
        (milter.macros(b"C", known) + milter.connect(name, envelope.peer), milter.NO_CONNECT, milter.QUIET_CONNECT),
        (milter.packet(b"H", milter.text(envelope.helo)), milter.NO_HELO, milter.QUIET_HELO),
        (
            milter.macros(b"M", [("i", queue_id), *login]) + milter.packet(b"M", milter.text(f"<{envelope.sender}>")),
            milter.NO_MAIL,
            milter.QUIET_MAIL,
        ),
    ]
    steps += [
        (milter.packet(b"R", milter.text(f"<{recipient}>")), milter.NO_RCPT, milter.QUIET_RCPT)
        for recipient in envelope.recipients
    ]
    steps.append((milter.packet(b"T"), milter.NO_DATA, milter.QUIET_DATA))
    for octets, unwanted, quiet in steps:
        if not wants & unwanted and (fate := talk.tell(octets, quiet=bool(wants & quiet))) != b"c":
            return fate
    return b"c"


def _show(talk: _Conversation, wants: int, octets: Octets) -> bytes:
    """Header and body."""
    block, start = header.split(octets)
    if not wants & milter.NO_HEADERS:
        for name, raw in header.fields(block):
            value = raw.replace(b"\r\n", b"\n").replace(b"\0", b"")
            value = value[1:] if value.startswith(b" ") else value
            said = milter.packet(b"L", name.encode() + b"\0" + value + b"\0")
            if (fate := talk.tell(said, quiet=bool(wants & milter.QUIET_HEADER))) != b"c":
                return fate
    if (
        not wants & milter.NO_EOH
        and (fate := talk.tell(milter.packet(b"N"), quiet=bool(wants & milter.QUIET_EOH))) != b"c"
    ):
        return fate
    if wants & milter.NO_BODY:
        return b"c"
    for at in range(start, len(octets), BLOCK):
        for said in milter.body([octets[at : at + BLOCK]]):
            fate = talk.tell(said, quiet=bool(wants & milter.QUIET_BODY))
            if fate != b"c":
                return fate
    return b"c"

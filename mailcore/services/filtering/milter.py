"""Ask a content filter by the milter protocol (wire/milter.py).  Blocking: run it in a thread that may wait."""

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
    """One connection to a milter; `answer` collects what it says of the message."""

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

    def send(self, octets: bytes, *, quiet: bool) -> bytes:
        """Send a packet and return the reply: `c` continue, `s` skip the rest of the body, else the verdict is final.

        Args:
            quiet: the filter sends no reply to this step, which is taken for `c`.
        """
        self._sock.sendall(octets)
        return b"c" if quiet else self.read_reply()

    def read_reply(self) -> bytes:
        """Read packets until one is a reply; changes and verdicts on the way go into `answer`."""
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
                self.answer.reply = _smtp_reply(milter.words(data))
                return command
            # the rest is progress, and changes of octets or recipients, which we do not make


def _smtp_reply(words: list[str]) -> str:
    line = "".join(char for char in (words[0] if words else "") if " " <= char <= "~")[:400]
    return line if line[:1] in ("4", "5") and line[1:3].isdigit() else "550 5.7.1 Refused by a content filter"


def _open(address: str, seconds: int) -> socket.socket:
    """Connect to `unix:PATH` or `inet:HOST:PORT`.  Raises OSError."""
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


def ask_filter(config: Config, address: str, envelope: Envelope, octets: Octets, queue_id: str) -> Answer:
    """Ask about one message, on a connection of its own.  Raises OSError, MilterProblem."""
    with closing(_open(address, config.filter.seconds)) as sock:
        conversation = _Conversation(sock)
        steps = conversation.negotiate().steps
        reply = _send_envelope(conversation, steps, config, envelope, queue_id)
        if reply == b"c":
            reply = _send_message(conversation, steps, octets)
        if reply in b"cs":
            sock.sendall(milter.macros(b"E", (("i", queue_id),)) + milter.packet(b"E"))
            conversation.read_reply()
        sock.sendall(milter.packet(b"Q"))
        return conversation.answer


def _send_envelope(conversation: _Conversation, steps: int, config: Config, envelope: Envelope, queue_id: str) -> bytes:
    """Send connection, HELO, MAIL, RCPT and DATA; return the last reply (`_Conversation.send`)."""
    name = f"[{envelope.peer}]"
    connection_macros = [
        ("j", config.host),
        ("{daemon_name}", "Alumnimail"),
        ("v", "Alumnimail"),
        ("_", f"{name} {name}"),
    ]
    login_macros = [("{auth_authen}", str(envelope.authenticated))] if envelope.authenticated else []
    packets = [
        (
            milter.macros(b"C", connection_macros) + milter.connect(name, envelope.peer),
            milter.NO_CONNECT,
            milter.QUIET_CONNECT,
        ),
        (milter.packet(b"H", milter.text(envelope.helo)), milter.NO_HELO, milter.QUIET_HELO),
        (
            milter.macros(b"M", [("i", queue_id), *login_macros])
            + milter.packet(b"M", milter.text(f"<{envelope.sender}>")),
            milter.NO_MAIL,
            milter.QUIET_MAIL,
        ),
    ]
    packets += [
        (milter.packet(b"R", milter.text(f"<{recipient}>")), milter.NO_RCPT, milter.QUIET_RCPT)
        for recipient in envelope.recipients
    ]
    packets.append((milter.packet(b"T"), milter.NO_DATA, milter.QUIET_DATA))
    for octets, unwanted, quiet in packets:
        if not steps & unwanted and (reply := conversation.send(octets, quiet=bool(steps & quiet))) != b"c":
            return reply
    return b"c"


def _send_message(conversation: _Conversation, steps: int, octets: Octets) -> bytes:
    """Send header and body; return the last reply (`_Conversation.send`)."""
    block, start = header.split(octets)
    if not steps & milter.NO_HEADERS:
        for name, raw in header.fields(block):
            value = raw.replace(b"\r\n", b"\n").replace(b"\0", b"")
            value = value[1:] if value.startswith(b" ") else value
            packet = milter.packet(b"L", name.encode() + b"\0" + value + b"\0")
            if (reply := conversation.send(packet, quiet=bool(steps & milter.QUIET_HEADER))) != b"c":
                return reply
    if (
        not steps & milter.NO_EOH
        and (reply := conversation.send(milter.packet(b"N"), quiet=bool(steps & milter.QUIET_EOH))) != b"c"
    ):
        return reply
    if steps & milter.NO_BODY:
        return b"c"
    for at in range(start, len(octets), BLOCK):
        for packet in milter.body([octets[at : at + BLOCK]]):
            reply = conversation.send(packet, quiet=bool(steps & milter.QUIET_BODY))
            if reply != b"c":
                return reply
    return b"c"

"""Servers of others that lie, hang or never end: each a listener on an address of loopback of its own."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BufferedIOBase

Answer = bytes | None | Callable[[socket.socket], None]
END = None  # the host closes
ODD_SECONDS = 60.0


def flood(octets: bytes, most: int = 400 * 2**20) -> Callable[[socket.socket], None]:
    """Send it without end, and read nothing."""

    def send(conn: socket.socket) -> None:
        block = octets * (65536 // len(octets) + 1)
        sent = 0
        conn.settimeout(2)
        with contextlib.suppress(OSError):
            while sent < most:
                conn.sendall(block)
                sent += len(block)
            time.sleep(ODD_SECONDS)

    return send


def silence(conn: socket.socket) -> None:
    conn.settimeout(ODD_SECONDS)
    with contextlib.suppress(OSError):
        while conn.recv(1):
            time.sleep(1)


def drip(octets: bytes, pause: float) -> Callable[[socket.socket], None]:
    def send(conn: socket.socket) -> None:
        for at in range(len(octets)):
            conn.sendall(octets[at : at + 1])
            time.sleep(pause)

    return send


def wait(_conn: socket.socket) -> None:
    """Read nothing and say nothing."""
    time.sleep(ODD_SECONDS)


def first(octets: bytes, then: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    def answer(conn: socket.socket) -> None:
        conn.sendall(octets)
        then(conn)

    return answer


def reset(conn: socket.socket) -> None:
    """The end of the conversation that follows is no orderly one."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionResetError


def half_close(conn: socket.socket) -> None:
    conn.sendall(b"220 x\r\n")
    conn.shutdown(socket.SHUT_WR)
    silence(conn)


USUAL: dict[bytes, Answer] = {
    b"": b"220 x ESMTP\r\n",
    b"EHLO": b"250-x\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
    b"HELO": b"250 x\r\n",
    b"MAIL": b"250 OK\r\n",
    b"RCPT": b"250 OK\r\n",
    b"DATA": b"354 go on\r\n",
    b".": b"250 OK\r\n",
    b"RSET": b"250 OK\r\n",
    b"QUIT": b"221 bye\r\n",
    b"STARTTLS": b"502 no\r\n",
}


@dataclass(frozen=True, slots=True)
class Host:
    """`right` is what becomes of a message to it: `sent`, `returned` to its sender, `waiting`, or `busy` = still tried."""

    name: str
    source: str
    right: str
    answers: Mapping[bytes, Answer] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


PERMANENT = b"550 5.7.1 no\r\n"
TLS = b"250-x\r\n250-8BITMIME\r\n250 STARTTLS\r\n"
REPLY = "RFC 5321 section 4.2"
HOSTS = [
    Host("a usual one", REPLY, "sent"),
    # banners
    Host("a banner without an end", "CWE-770", "waiting", {b"": flood(b"x")}),
    Host("a banner of lines without end", "CWE-770", "waiting", {b"": flood(b"220-x\r\n")}),
    Host("a banner of 100,000 letters", "CWE-770", "waiting", {b"": b"220 " + b"x" * 100_000 + b"\r\n"}),
    Host("a banner that is SSH's", REPLY, "waiting", {b"": b"SSH-2.0-x\r\n"}),
    Host("a banner that is HTTP's", REPLY, "waiting", {b"": b"HTTP/1.1 200 OK\r\n\r\n"}),
    Host("a banner of NULs", "CWE-158", "waiting", {b"": b"\0" * 5000 + b"\r\n"}),
    Host("a banner of escapes", "CWE-150", "waiting", {b"": b"554 \x1b[2J\x1b]0;x\x07\r\n"}),
    Host("a banner that says no", "RFC 5321 section 3.1", "waiting|returned", {b"": b"554 no\r\n"}),
    Host("a banner that says later", "RFC 5321 section 3.8", "waiting", {b"": b"421 later\r\n"}),
    Host("a banner of 250", REPLY, "waiting", {b"": b"250 hello\r\n"}),
    Host("no banner", "RFC 5321 section 4.5.3.2.1", "busy", {b"": silence}),
    Host("a banner that drips", "RFC 5321 section 4.5.3.2.1", "busy|sent", {b"": drip(b"220 " + b"x" * 30 + b"\r\n", 1)}),
    Host("it closes at once", "RFC 5321 section 3.8", "waiting", {b"": END}),
    Host("it resets at once", "RFC 5321 section 3.8", "waiting", {b"": reset}),
    Host("it closes its half", "RFC 9293 section 3.6", "waiting", {b"": half_close}),
    # EHLO
    Host("an answer to EHLO without end", "CWE-770", "waiting", {b"EHLO": flood(b"250-SIZE\r\n")}),
    Host("an answer to EHLO of 5,000 extensions", "CWE-770", "waiting", {b"EHLO": b"250-X\r\n" * 5000 + b"250 Y\r\n"}),
    Host("EHLO is not known", "RFC 5321 section 3.2", "sent", {b"EHLO": b"502 what\r\n"}),
    Host("EHLO and HELO are refused", "RFC 5321 section 3.2", "waiting", {b"EHLO": b"550 no\r\n", b"HELO": b"550 no\r\n"}),
    Host("EHLO with a size that is none", "RFC 1870 section 4", "sent", {b"EHLO": b"250-x\r\n250-SIZE -1e9\r\n250 8BITMIME\r\n"}),
    Host("EHLO with a size of 2^64", "CWE-190", "sent", {b"EHLO": b"250-x\r\n250-SIZE 18446744073709551616\r\n250 8BITMIME\r\n"}),
    Host("EHLO of two codes", REPLY, "sent|waiting", {b"EHLO": b"250-x\r\n550 8BITMIME\r\n"}),
    Host("EHLO with AUTH that nobody asked for", "RFC 4954 section 4", "sent", {b"EHLO": b"250-x\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n"}),
    Host("it closes after EHLO", "RFC 5321 section 3.8", "waiting", {b"EHLO": END}),
    # TLS
    Host("STARTTLS is refused", "RFC 3207 section 4", "sent", {b"EHLO": TLS, b"STARTTLS": b"454 not now\r\n"}),
    Host("STARTTLS and no handshake", "RFC 3207 section 4", "sent", {b"EHLO": TLS, b"STARTTLS": b"220 go\r\n\x15\x03"}),
    Host("STARTTLS and text instead", "RFC 3207 section 4", "sent", {b"EHLO": TLS, b"STARTTLS": first(b"220 go\r\n", drip(b"hello\r\n" * 2, 0.05))}),
    Host("STARTTLS and the end", "RFC 3207 section 4", "sent", {b"EHLO": TLS, b"STARTTLS": END}),
    Host("STARTTLS with replies behind it", "CVE-2011-0411, CVE-2021-38084", "sent", {b"EHLO": TLS, b"STARTTLS": b"220 go\r\n250 8BITMIME\r\n250 OK\r\n"}),
    Host("STARTTLS and silence", "RFC 3207 section 4", "busy|sent", {b"EHLO": TLS, b"STARTTLS": first(b"220 go\r\n", silence)}),
    # the transaction
    Host("MAIL is refused", REPLY, "returned", {b"MAIL": PERMANENT}),
    Host("MAIL later", REPLY, "waiting", {b"MAIL": b"451 later\r\n"}),
    Host("RCPT is refused", REPLY, "returned", {b"RCPT": PERMANENT}),
    Host("RCPT later", REPLY, "waiting", {b"RCPT": b"450 later\r\n"}),
    Host("DATA is refused", REPLY, "returned", {b"DATA": PERMANENT}),
    Host("DATA later", REPLY, "waiting", {b"DATA": b"451 later\r\n"}),
    Host("the message is refused", REPLY, "returned", {b".": PERMANENT}),
    Host("the message later", REPLY, "waiting", {b".": b"452 later\r\n"}),
    Host("421 to RCPT", "RFC 5321 section 3.8", "waiting", {b"RCPT": b"421 bye\r\n"}),
    Host("it closes after MAIL", "RFC 5321 section 3.8", "waiting", {b"MAIL": END}),
    Host("it closes after RCPT", "RFC 5321 section 3.8", "waiting", {b"RCPT": END}),
    Host("it closes after DATA", "RFC 5321 section 3.8", "waiting", {b"DATA": END}),
    Host("it closes after the message", "RFC 1047", "waiting", {b".": END}),
    Host("it resets after the message", "RFC 1047", "waiting", {b".": reset}),
    Host("354 to MAIL", REPLY, "waiting", {b"MAIL": b"354 go on\r\n"}),
    Host("250 to DATA", REPLY, "waiting", {b"DATA": b"250 OK\r\n"}),
    Host("354 to the message", REPLY, "waiting", {b".": b"354 more\r\n"}),
    Host("a code of 999", REPLY, "waiting", {b"RCPT": b"999 what\r\n"}),
    Host("a code of 100", REPLY, "waiting", {b"RCPT": b"100 wait\r\n"}),
    Host("a code of 000", REPLY, "waiting", {b".": b"000 what\r\n"}),
    Host("a code of two digits", REPLY, "waiting", {b"RCPT": b"25 OK\r\n"}),
    Host("a code of letters", REPLY, "waiting", {b"RCPT": b"abc OK\r\n"}),
    Host("a code of digits of another script", REPLY, "waiting", {b"RCPT": "٢٥٠ OK\r\n".encode()}),
    Host("lines of two codes", REPLY, "sent|returned|waiting", {b"RCPT": b"250-OK\r\n550 no\r\n"}),
    Host("lines that end with LF", "RFC 5321 section 2.3.8", "sent|waiting", {b"RCPT": b"250 OK\n"}),
    Host("a reply without text", REPLY, "sent", {b"RCPT": b"250\r\n"}),
    Host("a reply that drips", REPLY, "sent", {b"RCPT": drip(b"250 OK\r\n", 0.05)}),
    Host("two replies to one command", REPLY, "sent|waiting", {b"MAIL": b"250 OK\r\n250 OK\r\n"}),
    Host("a reply to RCPT without end", "CWE-770", "waiting", {b"RCPT": flood(b"250-x\r\n")}),
    Host("a reply to the message without end", "CWE-770", "waiting", {b".": flood(b"250-x\r\n")}),
    Host("a flood instead of taking the message", "CWE-770", "busy|waiting|claimed", {b"DATA": first(b"354 go on\r\n", flood(b"250 OK\r\n"))}),  # or it says that it has taken it
    Host("it takes no octet of the message", "RFC 5321 section 4.5.3.2.5", "busy|waiting", {b"DATA": first(b"354 go on\r\n", wait)}),
    Host("RSET and QUIT are not known", REPLY, "sent", {b"RSET": b"500 what\r\n", b"QUIT": b"500 what\r\n"}),
    Host("QUIT is answered by silence", "RFC 5321 section 4.1.1.10", "sent", {b"QUIT": silence}),
    # what a report says of it
    Host("a refusal with fields in it", "CWE-93, RFC 3464 section 2.3.6", "returned", {b"RCPT": b"550-no\r\n550-\r\n550-Bcc: evil@elsewhere.example\r\n550 X-Evil: 1\r\n"}),
    Host("a refusal with CR in it", "CWE-93, RFC 3464 section 2.3.6", "returned", {b"RCPT": b"550 no\rX-Evil: 1\rBcc: x\r\n"}),
    Host("a refusal with letters that are line ends", "CWE-93", "returned", {b"RCPT": "550 no\u2028X-Evil: 1\u0085Bcc: x\r\n".encode()}),
    Host("a refusal of escapes and no UTF-8", "CWE-150", "returned", {b"RCPT": b"550 \x1b[2J\xff\xfe\x00\r\n"}),
    Host("a refusal of 9,000 letters", "CWE-770", "returned", {b"RCPT": b"550 " + b"x" * 9000 + b"\r\n"}),
    Host("a refusal of 190 lines", "CWE-770", "returned", {b"RCPT": b"550-xxxxxxxxxxxxxxxxxxxxxxxxxx\r\n" * 190 + b"550 x\r\n"}),
    Host("a refusal that is HTML", "CWE-79", "returned", {b"RCPT": b"550 <script>alert(1)</script>\r\n"}),
    Host("a status code that contradicts", "RFC 3463 section 2", "returned", {b"RCPT": b"550 2.0.0 OK\r\n"}),
    Host("a status code that is none", "RFC 3463 section 2", "returned", {b"RCPT": b"550 5.99999999.1 no\r\n"}),
]  # fmt: skip


class Listener:
    """One host; it notes what it was given."""

    def __init__(self, host: Host, address: str, port: int) -> None:
        self.host, self.taken = host, list[bytes]()
        self._socket = socket.create_server((address, port))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)  # so that a message waits on our side
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                conn, _ = self._socket.accept()
                threading.Thread(target=self._talk, args=(conn,), daemon=True).start()

    def _say(self, conn: socket.socket, verb: bytes) -> bool:
        """Answer, and say if the conversation goes on."""
        answer = self.host.answers.get(verb, USUAL.get(verb, b"500 what\r\n"))
        if answer is None:
            return False
        if callable(answer):
            answer(conn)
        elif answer:
            conn.sendall(answer)
        return True

    def _talk(self, conn: socket.socket) -> None:
        with contextlib.suppress(OSError), conn, conn.makefile("rb") as reader:
            conn.settimeout(ODD_SECONDS)
            if not self._say(conn, b""):
                return
            while line := reader.readline(4096):
                verb = line[:8].split()[0].upper() if line.split() else b"?"
                if not self._say(conn, verb) or verb == b"QUIT":
                    return
                if verb == b"DATA" and self._takes_message and not self._take(conn, reader):
                    return

    @property
    def _takes_message(self) -> bool:
        answer = self.host.answers.get(b"DATA", b"354")
        return isinstance(answer, bytes) and answer.startswith(b"354")

    def _take(self, conn: socket.socket, reader: BufferedIOBase) -> bool:
        lines = []
        while (text := reader.readline()) not in (b".\r\n", b""):
            lines.append(text)
        self.taken.append(b"".join(lines))
        return self._say(conn, b".")

    def close(self) -> None:
        self._socket.close()

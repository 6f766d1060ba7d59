"""Outgoing mail: 1,000 messages of 4 KiB from 10 sessions of a logged-in person until Postfix's smtp-sink has them all."""

import base64
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from load import Smtp, Target, in_threads, message, timed

SESSIONS, MESSAGES = 10, 1000


class Submission(Smtp):
    """A mail client: STARTTLS, AUTH PLAIN, then messages."""

    def __init__(self, port: int, user: str, password: str) -> None:
        super().__init__(port)
        self.ask(b"STARTTLS")
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._socket = context.wrap_socket(self._socket)
        self._file = self._socket.makefile("rb")
        self.ask(b"EHLO bench.example")
        self.ask(b"AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()))


def outgoing(target: Target) -> float:
    """Seconds from the first command to the last message at the sink."""
    program = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")
    if program is None:
        raise RuntimeError("smtp-sink (Debian: postfix) is not installed")
    mail = [
        b"".join(line for line in message(4096, number).splitlines(keepends=True) if not line.startswith(b"From:"))
        for number in range(MESSAGES)
    ]
    mail = [b"From: User <user1@alumni.example>\r\n" + octets for octets in mail]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    sink = subprocess.Popen([program, *user, "-c", f"127.0.0.1:{target.sink}", "1000"], stdout=subprocess.PIPE)
    time.sleep(0.3)

    def session(number: int) -> None:
        client = Submission(target.submission, "user1", target.password)
        for at in range(number, MESSAGES, SESSIONS):
            client.send([f"friend{at}@outside.example"], mail[at], sender="user1@alumni.example")
        client.close()

    def all_of_it() -> None:
        in_threads(SESSIONS, session)
        output = b""
        while not output.endswith(b"mesg=%d\r" % MESSAGES):
            assert sink.stdout is not None
            more = os.read(sink.stdout.fileno(), 65536)
            if not more:
                raise RuntimeError("smtp-sink ended early")
            output = (output + more)[-100:]

    try:
        seconds = timed(all_of_it)
        time.sleep(1)  # the last answers are heard, so that nothing is sent again in the next round
        return seconds
    finally:
        sink.kill()
        sink.wait()


def relay_through(peer: Path, port: int) -> None:
    """Let a Postfix whose files stand in `peer` send everything to the sink."""
    etc = str(peer / "postfix/etc")
    subprocess.run(["postconf", "-c", etc, "-e", f"relayhost=[127.0.0.1]:{port}"], check=True)
    subprocess.run(["postfix", "-c", etc, "reload"], check=True, stderr=subprocess.DEVNULL)
    time.sleep(1)


CASES: dict[str, Callable[[Target], float]] = {"outgoing": outgoing}

"""Ask another process to use keys that this one must not have, as ssh-agent does.

The process with the keys listens on a socket without a name in the file system and lets processes of the same user in.  A
question is a line of JSON, `[name, argument, ...]`; the answer `{"result": ...}` or `{"error": text}`.
"""

import contextlib
import json
import logging
import os
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from mailcore.errors import Busy

log = logging.getLogger(__name__)
ADDRESS = "ALUMNIMAIL_KEY_AGENT"  # in the environment of processes that have no keys
SECONDS = 30  # for an answer: a rotation of keys asks DNS
PAUSE_SECONDS = 0.1
LONGEST = 64 * 1024  # octets of a question

Handlers = Mapping[str, Callable[..., Any]]  # Any: JSON in and out


def is_used() -> bool:
    """Say if this process has to ask."""
    return ADDRESS in os.environ


def ask(name: str, *arguments: object) -> Any:  # Any: JSON
    """Ask, and wait for the answer.

    Raises:
        Busy: there is none; or what was asked for could not be done, which is in the agent's log.
    """
    question = json.dumps([name, *arguments]).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX) as agent:
            agent.settimeout(SECONDS)
            agent.connect("\0" + os.environ[ADDRESS])
            agent.sendall(question)
            with agent.makefile("rb") as lines:
                answer = json.loads(lines.readline())
    except (OSError, ValueError) as problem:
        raise Busy(f"the keys cannot be asked for: {type(problem).__name__}") from problem
    if "error" in answer:
        raise Busy(answer["error"])
    return answer["result"]


class Agent:
    """Answers from threads until it is closed.

    Args:
        handlers: what may be asked for.

    Attributes:
        address: to be put into the environment of others as ADDRESS.
    """

    def __init__(self, handlers: Handlers) -> None:
        self._handlers, self._is_closed = handlers, False
        self.address = f"alumnimail-keys-{secrets.token_hex(8)}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind("\0" + self.address)
        self._listener.listen(256)
        threading.Thread(target=self._accept, name="keys", daemon=True).start()

    def close(self) -> None:
        self._is_closed = True
        with contextlib.suppress(OSError):  # closed already
            self._listener.shutdown(socket.SHUT_RDWR)  # a thread that accepts does not see a close
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
                self._let_in(connection)
            except (OSError, RuntimeError) as problem:  # no descriptors, no thread: the next may have them
                if self._is_closed:
                    return
                log.warning("who asks for keys is not heard: %s", problem)
                time.sleep(PAUSE_SECONDS)

    def _let_in(self, connection: socket.socket) -> None:
        try:
            if _find_user(connection) in (0, os.geteuid()):
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()
                return
        except BaseException:
            connection.close()
            raise
        connection.close()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            connection.settimeout(SECONDS)
            try:
                name, *arguments = json.loads(lines.readline(LONGEST))
                answer = {"result": self._handlers[name](*arguments)}
            except Busy as problem:
                answer = {"error": str(problem)}
            except Exception:  # whoever asks hears that it failed, and the agent goes on for others
                log.exception("a question for keys could not be answered")
                answer = {"error": "the keys could not be used"}
            try:
                connection.sendall(json.dumps(answer).encode() + b"\n")
            except OSError as problem:
                log.info("an answer for keys was not taken: %s", problem)


def _find_user(connection: socket.socket) -> int:
    """Return the user whose process has connected."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])

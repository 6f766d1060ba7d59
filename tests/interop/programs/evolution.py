"""Evolution, by the library that does its IMAP and SMTP (Camel): its windows are not driven."""

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

from tests.interop.programs.day import Failed, Program
from tests.journeys.conftest import PASSWORD
from tests.machine import until

LIBRARY = Path(__file__).with_name("camel.py")


class Evolution(Program):
    name, package, command = "Evolution (its library)", "evolution", "evolution"

    def set_up(self) -> None:
        ports = (str(self.desk.port(name)) for name in ("imaps", "submissions"))
        said = (self.folder / "said").open("wb")
        self._process = subprocess.Popen(
            ["/usr/bin/python3", str(LIBRARY), "localhost", *ports, self.account, str(self.folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, start_new_session=True,
            env={**os.environ, "HOME": str(self.folder), "LANG": "C.UTF-8", "GSETTINGS_BACKEND": "memory"},
        )  # fmt: skip
        said.close()
        self._write(PASSWORD)
        self._do("connect")
        self.show("first")

    def _write(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def _try(self, *step: str) -> tuple[bool, str]:
        """Try it; return if it came to what it should, and what the person is told."""
        assert self._process.stdout
        self._write(json.dumps(step))
        for line in self._process.stdout:
            if line.startswith(b"="):
                outcome = json.loads(line[1:])
                return bool(outcome.get("ok")), outcome.get("error", "")
        raise Failed("it has ended")

    def _do(self, *step: str) -> None:
        done, said = self._try(*step)
        if not done:
            raise Failed(f"{step[0]}: {said or 'not done'}")

    def show(self, subject: str) -> None:
        if not until(lambda: self._try("show", subject)[0], 30):
            raise Failed(f"{subject}: {self._try('show', subject)[1] or 'is not in INBOX'}")

    def send(self, subject: str) -> None:
        _, self._said = self._try("send", subject)

    def move(self, subject: str) -> None:
        self._do("move", subject)

    def create(self, mailbox: str) -> None:
        self._do("create", mailbox)

    def rename(self, old: str, new: str) -> bool:
        self._do("rename", old, new)
        return True

    def remove(self, mailbox: str) -> None:
        self._do("remove", mailbox)

    def says_that_it_is_full(self) -> bool:
        return "quota" in self._said.lower()

    def come_back(self) -> str:
        if self._try("show", "third")[0]:
            return ""
        if not until(lambda: self._try("connect")[0], 30):
            raise Failed("it does not connect again")
        return ", once it is connected again"

    def end(self) -> None:
        if hasattr(self, "_process"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(20)
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()

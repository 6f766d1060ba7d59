"""A terminal that a program runs in: tmux with a server of its own, which ends with it."""

import os
import subprocess
from pathlib import Path

from tests.interop.programs.day import Failed
from tests.machine import program, until


class Terminal:
    """A terminal of 120 by 40 characters, as a person sees it and types."""

    def __init__(self, folder: Path, command: str, **environment: str) -> None:
        self._tmux = [program("tmux"), "-S", str(folder / "tmux"), "-f", "/dev/null"]
        self._environment = {
            **os.environ,
            "HOME": str(folder),
            "TERM": "screen-256color",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            **environment,
        }
        self._run("new-session", "-d", "-x", "120", "-y", "40", command)

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [*self._tmux, *words], env=self._environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout

    def screen(self) -> str:
        return self._run("capture-pane", "-p")

    def keys(self, *names: str) -> None:
        """Keys as tmux names them: Enter, Escape, C-x."""
        self._run("send-keys", *names)

    def type(self, text: str) -> None:
        self._run("send-keys", "-l", text)

    def answer(self, question: str, text: str, seconds: float = 60) -> None:
        """Wait for the question, then type the text and Enter."""
        self.wait(question, seconds=seconds)
        self.type(text)
        self.keys("Enter")

    def press_until(self, key: str, text: str) -> None:
        """A program that is busy forgets keys."""
        for _ in range(4):
            self.keys(key)
            if self.shows(text, seconds=10):
                return
        self.wait(text, seconds=1)

    def answer_below(self, question: str, text: str, seconds: float = 40) -> None:
        """The same where the last line asks."""
        if not until(lambda: self.screen().rstrip("\n").rpartition("\n")[2].startswith(question), seconds):
            raise Failed(f"nothing asks {question!r}")
        self.type(text)
        self.keys("Enter")

    def shows(self, *texts: str, seconds: float = 40) -> bool:
        """Does one of the texts come to the screen?"""
        return until(lambda: any(text in self.screen() for text in texts), seconds)

    def wait(self, *texts: str, seconds: float = 40) -> None:
        """Raises Failed, with the screen's last lines."""
        if not self.shows(*texts, seconds=seconds):
            lines = [line.strip() for line in self.screen().splitlines() if line.strip()]
            raise Failed(f"no {' or '.join(texts)!r} on the screen: {' / '.join(lines[-4:])}")

    def end(self) -> None:
        self._run("kill-server")

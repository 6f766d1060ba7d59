"""A screen with a session of D-Bus, for a program with windows that is driven by AT-SPI and by keys."""

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.interop.programs.day import Failed
from tests.interop.programs.screen import screen
from tests.machine import program, until

SEER = Path(__file__).with_name("at_spi.py")


class Desktop:
    """A desktop, as a person sees it, presses and types."""

    def __init__(self, folder: Path, command: str, **environment: str) -> None:
        self._ends = contextlib.ExitStack()
        display = self._ends.enter_context(screen())
        self.environment = {
            **os.environ, "HOME": str(folder), "DISPLAY": display, "LANG": "C.UTF-8", "GTK_MODULES": "gail:atk-bridge",
            **environment,
        }  # fmt: skip
        said = self._ends.enter_context((folder / "said").open("wb"))
        run = f"{command} </dev/null >&2 & exec /usr/bin/python3 {SEER}"
        self._session = subprocess.Popen(
            [program("dbus-run-session"), "--", "sh", "-c", run],
            env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, start_new_session=True,
        )  # fmt: skip

    def _ask(self, *question: object) -> Any:  # Any: JSON
        assert self._session.stdin
        assert self._session.stdout
        self._session.stdin.write(json.dumps(question).encode() + b"\n")
        self._session.stdin.flush()
        for answer in self._session.stdout:  # the programs of a session say other things, too
            if answer.startswith(b"="):
                return json.loads(answer[1:])
        raise Failed("the session has ended")

    def shown(self) -> list[str]:
        """Names of all that is shown."""
        return list(self._ask("shown") or ())

    def shows(self, *texts: str, seconds: float = 40) -> bool:
        return until(lambda: any(text in name for name in self.shown() for text in texts), seconds)

    def wait(self, *texts: str, seconds: float = 40) -> None:
        if not self.shows(*texts, seconds=seconds):
            raise Failed(f"no {' or '.join(texts)!r}: {' / '.join(self.shown()[-12:])}")

    def try_press(self, role: str, name: str) -> bool:
        return bool(self._ask("press", role, name))

    def press(self, role: str, name: str, seconds: float = 20) -> None:
        if not until(lambda: self.try_press(role, name), seconds):
            raise Failed(f"no {role} {name!r}: {' / '.join(self.shown()[-12:])}")

    def fill(self, role: str, text: str, name: str = "") -> bool:
        return bool(self._ask("fill", role, name, text))

    def click(self, role: str, name: str, button: int = 1, *, last: bool = False) -> None:
        if not until(lambda: self._ask("place", role, name, last) is not None, 20):
            raise Failed(f"no {role} {name!r}: {' / '.join(self.shown()[-12:])}")
        x, y = self._ask("place", role, name, last)
        self.tool("mousemove", str(x), str(y), "click", str(button))

    def keys(self, *names: str) -> None:
        self.tool("key", *names)

    def tool(self, *words: str) -> None:
        subprocess.run([program("xdotool"), *words], env=self.environment, timeout=30, check=False, capture_output=True)

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._session.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._session.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._session.pid, signal.SIGKILL)  # a program that goes on writing leaves no folder to remove
        for pipe in (self._session.stdin, self._session.stdout):
            if pipe:
                pipe.close()
        self._ends.close()

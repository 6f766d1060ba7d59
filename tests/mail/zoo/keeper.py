"""Shared by the tests of the zoo: what is wrong with which animal at which door, and the processor time that it took."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processor import find_excess, without_collecting

MOST_SECONDS = 0.2  # of the processor, for one animal at one door
MOST_TOLD = 30
FAILING = Path(__file__).parent / "failing"


class Door:
    """One way into or out of the service; what goes wrong is written down by animal, and told at the end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.wrong: dict[str, str] = {}
        self._logged: list[str] = []

    def complain(self, animal: str, what: str) -> None:
        self.wrong.setdefault(animal, what)

    @contextmanager
    def animal(self, name: str, most: float = MOST_SECONDS) -> Iterator[None]:
        """Whatever is raised or logged with a trace in here, or takes too long, is wrong."""
        handler = _Traces(self._logged)
        logging.getLogger().addHandler(handler)
        self._logged.clear()
        begin = time.process_time()
        try:
            with without_collecting():
                yield
        except Exception as problem:  # noqa: BLE001 - whatever it is, the next animal comes
            self.complain(name, f"{type(problem).__name__}: {problem}"[:300])
        finally:
            logging.getLogger().removeHandler(handler)
        seconds = time.process_time() - begin
        if self._logged:
            self.complain(name, f"logged {self._logged[-1]}")
        if excess := find_excess(seconds, most):
            self.complain(name, excess)

    def close(self) -> None:
        """Every animal is well, but for those that are known to fail, and those do."""
        known = _known(self.name)
        new = {name: what for name, what in self.wrong.items() if name not in known}
        mended = sorted(known - set(self.wrong))
        told = "\n".join(f"  {name}: {what}" for name, what in list(new.items())[:MOST_TOLD])
        assert not new, f"{len(new)} at the door {self.name}:\n{told}"
        assert not mended, f"mended: take these lines out of {FAILING.name}/{self.name}.txt: {mended}"


class _Traces(logging.Handler):
    def __init__(self, found: list[str]) -> None:
        super().__init__()
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[0]:
            self._found.append(f"{record.exc_info[0].__name__}: {record.exc_info[1]}"[:300])


def _known(door: str) -> set[str]:
    """The animals of a door's file, a line each; `#` begins the reason."""
    path = FAILING / f"{door}.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return {line.partition("#")[0].strip() for line in lines} - {""}

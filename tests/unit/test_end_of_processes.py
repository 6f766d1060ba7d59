"""The processes of a service end together: however many there are, within one time."""

import time

from mailcore.cli import serve


class Stubborn:
    """A process that takes no notice of SIGTERM."""

    name, pid = "alumnimail-mail", 1

    def __init__(self, clock: list[float]) -> None:
        self._clock, self.heard = clock, []

    def terminate(self) -> None:
        self.heard.append("terminate")

    def kill(self) -> None:
        self.heard.append("kill")

    def is_alive(self) -> bool:
        return "kill" not in self.heard

    def join(self, timeout: float | None = None) -> None:
        if self.is_alive():
            assert timeout is not None
            self._clock[0] += timeout


def test_many_that_do_not_end_have_one_time_for_all_and_are_killed(monkeypatch, caplog):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    children = [Stubborn(clock) for _ in range(4)]
    serve._end(children, 30)  # type: ignore[arg-type]  # all of a process that is used
    assert clock[0] == 130
    assert [child.heard for child in children] == [["terminate", "kill"]] * 4
    assert caplog.text.count("did not end within 30 seconds; it is killed") == 4

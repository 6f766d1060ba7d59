"""Spans of messages, for OpenTelemetry: how long each step took, of which all processes and nodes together make one trace.

Nothing is handed from process to process: a trace's id follows from the id of its message (log.py), which the queue has too.
Without `opentelemetry.endpoint` there is no tracer, and a span costs a comparison.  Facts name nobody, as in the log.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from mailcore import log


class Tracer(Protocol):
    """Makes spans of what is said here; process/span_export.py is one."""

    def open_span(
        self, mail_id: str, name: str, facts: dict[str, int | str], *, first: bool
    ) -> AbstractContextManager[object]: ...


_OFF = nullcontext()
_tracers: list[Tracer] = []  # of this process, one at most: what is logged of a message has no core to ask either


def set_tracer(tracer: Tracer | None) -> None:
    """Have spans made by it from now on, None = by nobody."""
    _tracers[:] = [] if tracer is None else [tracer]
    log.listeners[:] = [] if tracer is None else [_note_event]


def open_span(name: str, *, first: bool = False, **facts: int | str) -> AbstractContextManager[object]:
    """Open a span of the message at hand, if there is one and somebody traces.

    Args:
        first: the trace begins with it, and hangs together by it.
    """
    return _open(name, facts, first=first) if _tracers else _OFF


def _open(name: str, facts: dict[str, int | str], *, first: bool = False) -> AbstractContextManager[object]:
    mail_id = log.current_mail_id()
    return _tracers[0].open_span(mail_id, name, facts, first=first) if mail_id else _OFF


def _note_event(event: str, facts: dict[str, int | str]) -> None:
    """Note what is logged of a message as a span without length, beside those that took time."""
    with _open(event, facts):
        pass

"""A budget of processor time for one request, command or message.

Who exceeds it hears "try again later", and the thread goes on with others.

A watch looks at the threads that work within a budget, by their own processor clocks, and raises OutOfTime in one that has
used it up.  That ends work in Python; a single call of C code ends first (docs/security.md tells what follows).  Waiting costs
nothing, so a slow disk or a slow peer is nobody's fault, and a busy machine makes nothing exceed what it would not exceed alone.

OutOfTime is no Exception: code that goes on after any error does not swallow it.  At the edge of the work it becomes Busy.
"""

import contextlib
import ctypes
import logging
import os
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from mailcore.errors import Busy
from mailcore.log import call_about_mail, current_mail_id

T = TypeVar("T")
log = logging.getLogger(__name__)
LOOK_SECONDS = 0.25
AGAIN_SECONDS = 1.0  # of processor time, after which it is raised once more where something swallowed it

_limit: ContextVar[float | None] = ContextVar("processor seconds of each step", default=None)


class OutOfTime(BaseException):
    """Raised in the thread that has used up its budget."""


@dataclass(slots=True)
class _Work:
    """A piece of work under the watch; short work ends before the watch sees it, and reads no clock.

    Attributes:
        until: of the thread's own clock; 0 before the watch has seen it.
    """

    thread: int
    seconds: float
    fn: Callable[..., object]
    until: float = 0.0
    raised: bool = False


_lock = threading.Lock()
_running: dict[int, _Work] = {}
_begun = threading.Event()
_watch: threading.Thread | None = None


class limit:  # noqa: N801 - used as a function is
    """Each step of what happens inside, in whatever thread (Threads.run, Db.write), may take so much; 0 = no limit."""

    __slots__ = ("_before", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._before = _limit.set(self._seconds or None)

    def __exit__(self, *_: object) -> None:
        _limit.reset(self._before)


def current() -> float | None:
    return _limit.get()


def bound(fn: Callable[..., T]) -> Callable[..., T]:
    """`fn` within the limit and of the message at hand, for another thread to call; `fn` itself where there is neither."""
    seconds, mail_id = _limit.get(), current_mail_id()
    return fn if seconds is None and not mail_id else _Bound(seconds or 0, mail_id, fn)


class _Bound:
    """A function with its budget and its message; quicker to make than a closure with the manners of one."""

    __slots__ = ("__wrapped__", "_mail_id", "_seconds")

    def __init__(self, seconds: float, mail_id: str, fn: Callable[..., Any]) -> None:  # Any: whatever it gives
        self._seconds, self._mail_id, self.__wrapped__ = seconds, mail_id, fn

    def __call__(self, *args: object) -> Any:
        if not self._mail_id:
            return spend(self._seconds, self.__wrapped__, *args)
        return call_about_mail(self._mail_id, spend, self._seconds, self.__wrapped__, *args)


def spend(seconds: float, fn: Callable[..., T], *args: object) -> T:
    """Call `fn` in this thread.

    Raises:
        Busy: it took more processor time than that, from when the watch first saw it (LOOK_SECONDS).
    """
    thread = threading.get_ident()
    if not seconds or thread in _running:  # what is within another budget has that one
        return fn(*args)
    if _watch is None:
        _start_watch()
    work = _Work(thread, seconds, fn)
    try:
        _running[thread] = work
        if not _begun.is_set():
            _begun.set()
        try:
            return fn(*args)
        finally:
            with _lock:
                _running.pop(thread, None)
            if work.raised:
                _end(work)
    except OutOfTime:
        _end(work)  # it may have come before the first one was through
        raise Busy("it took more processor time than a request may") from None


def _end(work: _Work) -> None:
    """No more is raised in this thread, and what is on its way arrives here.

    It cannot be taken back: CPython 3.11 then looks for it at each step for ever.  So one is sent for that surely comes.
    """
    sent = False
    while True:
        try:
            with _lock:
                if _running.get(work.thread) is work:
                    del _running[work.thread]
            if not work.raised:
                return
            sent = True
            _raise_in(work.thread)  # there is never more than one on its way
            while True:
                time.sleep(0)
        except OutOfTime:
            if sent:
                return


def _raise_in(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(OutOfTime))


def _start_watch() -> None:
    global _watch
    with _lock:
        if _watch is None:
            _watch = threading.Thread(target=_look_forever, name="budget", daemon=True)
            _watch.start()


def _forget() -> None:
    """A process that was forked has no watch, and nobody in it works yet."""
    global _watch, _lock
    _watch, _lock = None, threading.Lock()
    _running.clear()


os.register_at_fork(after_in_child=_forget)


def _look_forever() -> None:
    while True:
        _begun.wait()
        time.sleep(LOOK_SECONDS)
        with _lock:
            if not _running:
                _begun.clear()
                if _running:  # begun in this moment
                    _begun.set()
                continue
            for work in list(_running.values()):
                _look(work)


def _name_of(fn: Callable[..., object]) -> str:
    return f"{getattr(fn, '__module__', '?')}:{getattr(fn, '__qualname__', type(fn).__qualname__)}"


def _look(work: _Work) -> None:
    with contextlib.suppress(OSError):  # its thread has just ended
        now = time.clock_gettime(time.pthread_getcpuclockid(work.thread))
        if not work.until:
            work.until = now + work.seconds
        elif now > work.until:
            work.raised, work.until = True, now + AGAIN_SECONDS
            log.error("too much processor time for one request, it is ended: %s", _name_of(work.fn))
            _raise_in(work.thread)

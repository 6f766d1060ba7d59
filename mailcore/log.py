"""Logging: one line a happening on stderr, as text or JSON.  Never message text, passwords or whole addresses.

What is logged on behalf of a message has its id, from the session that it came in by to the last try of what it caused; the same
id stands in our Received field and in the reply to DATA.  Threads hear of it as they hear of their budget (process/budget.py).
"""

import json
import logging
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TypeVar

T = TypeVar("T")
MESSAGES = "mailcore.messages"  # the logger of what becomes of messages
TEXT = "%(asctime)s %(levelname)s %(process)d %(name)s %(message)s"
_messages = logging.getLogger(MESSAGES)
_messages.setLevel(logging.WARNING)  # until the settings ask for it
_slow_writes = logging.getLogger("mailcore.store.engine.write_watch")
# What else hears of messages, with the facts: spans.py, where somebody traces.
listeners: list[Callable[[str, dict[str, int | str]], None]] = []
_mail_id: ContextVar[str] = ContextVar("id of the message at hand", default="")


def log_for(name: str) -> logging.Logger:
    return logging.getLogger(name)


def create_mail_id() -> str:
    """Create the id of a message that comes in."""
    return secrets.token_hex(6)


def current_mail_id() -> str:
    """Return the id of the message at hand, "" where there is none."""
    return _mail_id.get()


@contextmanager
def about_mail(mail_id: str) -> Iterator[None]:
    """Log what happens inside as of this message."""
    before = _mail_id.set(mail_id)
    try:
        yield
    finally:
        _mail_id.reset(before)


def call_about_mail(mail_id: str, fn: Callable[..., T], *args: object) -> T:
    """Call `fn` as `about_mail` would, at less cost: each message has several such calls."""
    before = _mail_id.set(mail_id)
    try:
        return fn(*args)
    finally:
        _mail_id.reset(before)


def log_message(event: str, **facts: int | str | None) -> None:
    """Log what became of the message at hand, if the settings ask for it; `facts` name nobody."""
    if listeners or _messages.isEnabledFor(logging.INFO):
        known = {name: fact for name, fact in facts.items() if fact is not None}
        _messages.info(event, extra={"facts": known})
        for listen in listeners:
            listen(event, known)


@contextmanager
def hide_slow_writes() -> Iterator[None]:
    """Leave slow writes out of what a command prints, unless it starts a log: they are counted in any case."""
    _slow_writes.setLevel(logging.ERROR)
    try:
        yield
    finally:
        _slow_writes.setLevel(logging.NOTSET)


def start_logging(form: str = "text", *, messages: bool = False) -> None:
    """Log to stderr from now on.

    Args:
        form: "text" or "json".
        messages: a line for each step of each message.
    """
    logging.basicConfig(level="INFO", stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter(TEXT))
    _messages.setLevel(logging.INFO if messages else logging.WARNING)
    _slow_writes.setLevel(logging.NOTSET)
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells each command, with addresses
    logging.getLogger("dkimpy").setLevel(logging.CRITICAL)  # it calls what strangers write an error, with their fields


def _facts_of(record: logging.LogRecord) -> dict[str, int | str]:
    facts: dict[str, int | str] = dict(getattr(record, "facts", {}))
    mail_id = _mail_id.get()
    return {**facts, "mail": mail_id} if mail_id else facts


class TextFormatter(logging.Formatter):
    """A line for people, with `name=value` at its end."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        facts = "".join(f" {name}={_write_word(fact)}" for name, fact in _facts_of(record).items())
        return super().formatMessage(record) + facts


def _write_word(fact: int | str) -> str:
    return fact if isinstance(fact, str) and fact.isprintable() and fact and " " not in fact else json.dumps(fact)


class JsonFormatter(logging.Formatter):
    """An object in a line: `at`, `level`, `process`, `logger`, `event`, facts, `trace` of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, int | str] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "process": record.process or 0,
            "logger": record.name,
            "event": record.getMessage(),
            **_facts_of(record),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)

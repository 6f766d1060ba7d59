"""Size limits of requests, by who sends them; nothing large is read before the limit is known.

Anybody may send a form of a mebibyte.  More goes to the few pages that declare it (`portal/access.py`), from people who have
logged in (to the help form: from anybody), a few at once in each process, each with room on disk that was promised to it.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, request
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout, ServiceUnavailable

from mailcore.config import SMALL_BODY
from mailcore.core import Core
from mailcore.net.address import place
from mailcore.services.transfer import uploads
from portal import access, current
from portal.places import Places

MAX_TEXT = 4 * 2**20  # octets of what is written in one form
PIECE = 2**14  # octets that are waited for at once
IN_MEMORY = 500_000  # octets of a file; werkzeug's own measure
AT_ONCE = 12  # large requests, in one process with 128 threads
OF_STRANGERS = 4  # among them
OF_ONE = 2  # owner, or place of strangers
STRANGER = "from "  # begins what a place of strangers is called
STRANGERS_RATE, STRANGERS_START = 32 * 2**10, 60  # octets a second, seconds before they count


class Timely:
    """A stranger's large body, which must be over in time: whoever drips holds one of few places only for minutes."""

    def __init__(self, stream: Any, length: int) -> None:  # Any: WSGI
        self._stream, self._until = stream, time.monotonic() + STRANGERS_START + length / STRANGERS_RATE

    def read(self, size: int = -1) -> bytes:
        if time.monotonic() > self._until:
            raise RequestTimeout
        return bytes(self._stream.read(min(size, PIECE) if size >= 0 else PIECE))


class LogInFirst(RequestEntityTooLarge):
    words = _l("That was too large for somebody who is not logged in. Log in, and send it again.")


class ManyAtOnce(ServiceUnavailable):
    words = _l("Many files are being sent just now. Please try again in a few minutes.")


def register(app: Flask) -> None:
    app.extensions["bodies"] = Places()
    app.teardown_request(_give_back)


def admit(core: Core) -> None:
    """Before a form is read, and after it is known who has logged in.

    Raises:
        RequestEntityTooLarge, ManyAtOnce, Busy.
    """
    large, length = access.terms_here().large, request.content_length or 0
    request.max_content_length = SMALL_BODY
    if large is None or request.method != "POST":
        if length > SMALL_BODY:
            raise RequestEntityTooLarge
        return
    if g.account is None and length > SMALL_BODY and not large.known(core):
        raise LogInFirst
    request.max_content_length = large.octets(core)
    request.max_form_memory_size = MAX_TEXT
    if length > request.max_content_length:
        raise RequestEntityTooLarge
    if length > SMALL_BODY:
        _enter(core, length)
    if large.named or length > SMALL_BODY:
        g.file_stream = _file(uploads.make_folder(core), named=large.named)


def is_full(taken: Counter[str], whose: str) -> bool:
    """Say if no place is left for a large request of this account (`account 7`) or stranger (`from 192.0.2.1`)."""
    strangers = sum(count for one, count in taken.items() if one.startswith(STRANGER))
    is_stranger = whose.startswith(STRANGER)
    return taken.total() >= AT_ONCE or taken[whose] >= OF_ONE or (is_stranger and strangers >= OF_STRANGERS)


def _enter(core: Core, length: int) -> None:
    whose = f"account {g.account.id}" if g.account else f"{STRANGER}{place(current.peer())}"
    places: Places = current_app.extensions["bodies"]
    if not places.enter(whose, lambda taken: is_full(taken, whose)):
        raise ManyAtOnce(retry_after=60)
    g.whose_body = whose
    if g.account is None:
        request.environ["wsgi.input"] = Timely(request.environ["wsgi.input"], length)
    g.promise = uploads.reserve_space(core, g.account.id if g.account else None, length)


def _file(folder: Path, *, named: bool) -> Callable[[], Any]:  # Any: files of tempfile are no IO[bytes] to mypy
    """Makes a file on the disk of the data, not of /tmp, which may be memory."""
    if named:
        return lambda: tempfile.NamedTemporaryFile(dir=folder, prefix=uploads.COMING)
    return lambda: tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(folder), prefix=uploads.COMING)


def _give_back(_problem: BaseException | None) -> None:
    """Files that came with a form, to whatever page, lie in temporary files until they are closed."""
    request.close()
    if (whose := g.pop("whose_body", None)) is not None:
        current_app.extensions["bodies"].leave(whose)
    if (promise := g.pop("promise", None)) is not None:
        promise.give_back()

"""Bound the threads of the web server that one account, or one network place of strangers, holds at once.

Whatever a page takes long for (a search, a server that does not answer), whoever asks for it again and again has a share of the
threads, and never all.  A page that is sent slowly holds its thread for longer; that is large_answers.py.
"""

from flask import Flask, current_app, g, request

from mailcore.core import Core
from mailcore.errors import Busy
from mailcore.net.address import place
from portal import current
from portal.places import Places

OF_ACCOUNT, OF_PLACE = 48, 64  # requests in one process with 128 threads; a whole campus may be one place


def register(app: Flask) -> None:
    app.extensions["shares"] = Places()
    app.teardown_request(_leave)


def enter(core: Core) -> None:
    """Count this request, when it is known who has logged in.  Raises Busy."""
    if g.account is not None:
        whose, most = f"account {g.account.id}", OF_ACCOUNT
    elif core.config.limits.is_trusted(current.peer()):
        return
    else:
        whose, most = f"from {place(current.peer())}", OF_PLACE
    places: Places = current_app.extensions["shares"]
    if not places.enter(whose, lambda taken: taken[whose] >= most):
        raise Busy(f"many requests at once, {request.endpoint} among them")
    g.share = whose


def _leave(_problem: BaseException | None) -> None:
    if (whose := g.pop("share", None)) is not None:
        current_app.extensions["shares"].leave(whose)

"""Access and size limits of pages: declared beside each view, held here for all of them.

    @blueprint.post("/takeout/bring")
    @takes(Large(lambda core: MAX_UPLOAD, named=True))
    @owner_only
    def bring() -> Answer: ...

Each view bears one of `public`, `second_step`, `owner_only`, `editor_only`, `desk_only` and `admin_only`; the portal does not
start with a view that bears none.  Rates are not declared: they stand in services (`services/limits`), where they also hold for
mail programs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Flask, Response, current_app, g, redirect, request

from mailcore.core import Core
from mailcore.domain import Scope
from mailcore.errors import NotAllowed
from mailcore.services.newsletters import editors
from portal import current, navigation
from portal.addresses import url_for

P = ParamSpec("P")
T = TypeVar("T")
View = Callable[..., Any]  # Any: whatever Flask takes as an answer
ROLES = ("desk", "admin")


class Who(StrEnum):
    PUBLIC = "public"
    SECOND_STEP = "second step"  # the password was right, the second step is awaited
    OWNER = "owner"
    EDITOR = "editor"  # of a topic of newsletters
    DESK = "desk"
    PROGRAM = "program"  # logs in with each request
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Large:
    """Bodies above a mebibyte.

    Attributes:
        octets: the limit, for those who have logged in.
        known: who else may send so much.
        named: the file is kept after the request.
    """

    octets: Callable[[Core], int]
    known: Callable[[Core], bool] = lambda _core: False
    named: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """Declaration of a view.

    Attributes:
        ended: open also to those whose tie to the university has ended and who have no alumni password yet.
        large: bodies above the small form that every view takes.
        same_for_all: no account, session or language is asked for.
        any_host: answers under any name in the Host field.
    """

    who: Who | None = None
    ended: bool = False
    large: Large | None = None
    same_for_all: bool = False
    any_host: bool = False


NOWHERE = Terms(Who.PUBLIC)  # of an address that has no view


def _declare(view: Callable[P, T], **changes: Any) -> Callable[P, T]:  # Any: the fields of Terms
    vars(view)["terms"] = replace(terms_of(view), **changes)
    return view


def terms_of(view: View) -> Terms:
    terms: Terms = vars(view).get("terms", Terms())
    return terms


def terms_here() -> Terms:
    """Return the declaration of the view of this request."""
    view = current_app.view_functions.get(request.endpoint or "")
    return NOWHERE if view is None else terms_of(view)


def check_all(app: Flask) -> None:
    """Raises LookupError for a view that does not declare who may open it."""
    silent = [endpoint for endpoint, view in app.view_functions.items() if terms_of(view).who is None]
    if silent:
        raise LookupError(f"views that declare no access (portal/access.py): {', '.join(sorted(silent))}")


def public(view: Callable[P, T]) -> Callable[P, T]:
    return _declare(view, who=Who.PUBLIC)


def open_to_ended(view: Callable[P, T]) -> Callable[P, T]:
    return _declare(view, ended=True)


def same_for_all(view: Callable[P, T]) -> Callable[P, T]:
    return _declare(view, same_for_all=True)


def any_host(view: Callable[P, T]) -> Callable[P, T]:
    return _declare(view, any_host=True)


def takes(large: Large) -> Callable[[Callable[P, T]], Callable[P, T]]:
    return lambda view: _declare(view, large=large)


def owner_only(view: Callable[P, T]) -> Callable[P, T | Response]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T | Response:
        return _ask_to_log_in() if g.account is None else view(*args, **kwargs)

    return _declare(guarded, who=Who.OWNER)


def _ask_to_log_in() -> Response:
    next_page = request.full_path.rstrip("?") if request.method == "GET" else request.path
    return redirect(url_for("signin.login", next=next_page))  # type: ignore[return-value]  # werkzeug's, with the same methods


def editor_only(view: Callable[P, T]) -> Callable[P, T | Response]:
    """Raises NotAllowed for those who have logged in and edit no topic of newsletters, whatever their role.

    Which topic it is about, the view asks.
    """

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        if not editors.list_own_topics(current.core(), current.owner().id):
            raise NotAllowed("for editors of newsletters")
        return view(*args, **kwargs)

    return _declare(owner_only(guarded), who=Who.EDITOR)


def desk_only(view: Callable[P, T]) -> Callable[P, T | Response]:
    """Raises NotAllowed for those who have logged in and have no role at the desk."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        if navigation.web_role() not in ROLES:
            raise NotAllowed("for the desk")
        return view(*args, **kwargs)

    return _declare(owner_only(guarded), who=Who.DESK)


def admin_only(view: Callable[P, T]) -> Callable[P, T | Response]:
    """Raises NotAllowed for those who have logged in and are no administrators: the desk is kept out, too."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        if navigation.web_role() != navigation.ADMINISTRATOR:
            raise NotAllowed("for administrators")
        return view(*args, **kwargs)

    return _declare(owner_only(guarded), who=Who.ADMIN)


def program_only(scope: Scope) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """The view finds the account in `current.program()`; no cookie counts, so no page elsewhere can ask in its name."""

    def decorate(view: Callable[P, T]) -> Callable[P, T]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            g.program = current.log_in_program(scope)
            return view(*args, **kwargs)

        return _declare(guarded, who=Who.PROGRAM, same_for_all=True)

    return decorate


def second_step(view: Callable[P, T]) -> Callable[P, T | Response]:
    """The view finds the account in `current.awaited()`."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T | Response:
        g.awaited = current.pending()
        if g.awaited is None:
            return redirect(url_for("signin.login"))  # type: ignore[return-value]  # werkzeug's, with the same methods
        return view(*args, **kwargs)

    return _declare(guarded, who=Who.SECOND_STEP)

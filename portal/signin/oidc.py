"""Log-in elsewhere by OpenID Connect: to log in, to order an account, or to link it to one."""

from dataclasses import asdict
from typing import Any

from flask import g, redirect, request, session
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import Proven
from mailcore.errors import LinkExpired, NotAllowed
from mailcore.services.signin import oidc, oidc_login
from portal import addresses, current
from portal.access import public
from portal.addresses import url_for
from portal.signin.views import blueprint, enter

PURPOSES = ("login", "order", "link")
MOST_BEGUN = 5  # log-ins that one browser has begun, in as many tabs
LINKING_SECONDS = 900


@blueprint.get("/oidc/<name>/<purpose>")
@public
def begin_oidc(name: str, purpose: str) -> BaseResponse:
    """A link, not a form: the page's policy lets forms lead to this host alone.  The state ties the answer to this browser."""
    if purpose not in PURPOSES:
        raise LinkExpired("there is no such log-in")
    if purpose == "link" and g.account is None:
        return redirect(url_for("signin.login", next=url_for("account.index")))
    address, pending = oidc.begin_login(current.core(), name)
    begun = {
        "pending": asdict(pending),
        "purpose": purpose,
        "next": addresses.safe_next(request.args.get("next", ""), url_for("webmail.index")),
    }
    session["oidc"] = [*_list_begun(), begun][-MOST_BEGUN:]
    return redirect(address)


def _list_begun() -> list[dict[str, Any]]:  # Any: JSON
    """Log-ins that this browser has begun, the oldest first; a session of an earlier version had one."""
    begun = session.get("oidc") or []
    return [begun] if isinstance(begun, dict) else begun


def _take_begun(state: str) -> dict[str, Any]:  # Any: JSON
    """Take the log-in that an answer belongs to out of the session, so that it is answered once.

    An answer with a state that nobody asked with spends the log-in that was begun last.  Raises LinkExpired.
    """
    begun = _list_begun()
    if not begun:
        raise LinkExpired("nobody asked")
    place = next((at for at, one in enumerate(begun) if one["pending"]["state"] == state), len(begun) - 1)
    waiting = begun.pop(place)
    session["oidc"] = begun
    return waiting


@blueprint.get("/oidc/callback")
@public
def oidc_callback() -> BaseResponse:
    if g.account is not None and not _list_begun():  # another tab has logged this browser in meanwhile
        return redirect(url_for("webmail.index"))
    waiting = _take_begun(request.args.get("state", ""))
    if request.args.get("error"):
        raise NotAllowed("the log-in was given up")
    proven = oidc.finish_login(
        current.core(),
        oidc.Pending(**waiting["pending"]),
        code=request.args.get("code", ""),
        state=request.args.get("state", ""),
        issuer=request.args.get("iss", ""),
    )
    if waiting["purpose"] == "link":
        return _link(proven)
    identity = oidc_login.log_in(current.core(), proven, peer=current.peer(), agent=request.user_agent.string)
    if identity is not None:
        return enter(identity, waiting["next"])
    keep_proof(proven)
    return redirect(url_for("orders.account"))


def keep_proof(proven: Proven) -> None:
    """For the form that orders an account at once; in the server-side session, in a new one."""
    current.web_session().renew(None)
    session["proven"] = {**asdict(proven), "kinds": list(proven.kinds)}
    session["proven_at"] = current.core().clock.seconds()


def _link(proven: Proven) -> BaseResponse:
    """Nothing is linked yet: a browser that somebody else has logged in there must not give them the account."""
    if g.account is None:
        return redirect(url_for("signin.login"))
    session["linking"] = {**asdict(proven), "kinds": list(proven.kinds)}
    session["linking_at"] = current.core().clock.seconds()
    return redirect(url_for("account.link"))


def waits_for_link() -> Proven | None:
    """Return the person who logged in elsewhere a short while ago, to be linked to the account of this session."""
    kept = session.get("linking")
    if not kept or session.get("linking_at", 0) < current.core().clock.seconds() - LINKING_SECONDS:
        return None
    return Proven(**{**kept, "kinds": tuple(kept["kinds"])})

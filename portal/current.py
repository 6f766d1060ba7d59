"""The request that is answered: the Core, its session and account, the peer and the browser."""

from typing import cast

from flask import current_app, g, request, session
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Response as BaseResponse

from mailcore.core import Core
from mailcore.domain import Account, AccountId, AccountState, Scope
from mailcore.errors import AccountNotFound, Busy, WrongPassword
from mailcore.saying import Saying
from mailcore.services.accounts import accounts
from mailcore.services.credentials import login
from mailcore.services.limits import throttle
from mailcore.services.signin import web_sessions
from mailcore.services.webmail import overview
from portal.sessions import WebSession, cookie_name

DEVICE_COOKIE, DEVICE_SECONDS = "alumnimail_browser", 365 * 86_400
SECOND_STEP_SECONDS = 600


def core() -> Core:
    return cast(Core, current_app.extensions["core"])


def web_session() -> WebSession:
    return cast(WebSession, session._get_current_object())  # type: ignore[attr-defined]  # werkzeug's proxy


def load_account() -> None:
    """Set g.account before each request: the owner of the session, or None."""
    g.account = None
    owner = web_session().account
    if owner is None:
        return
    try:
        account = overview.read_account(core(), owner)
    except (AccountNotFound, Busy):
        return
    g.account = account if account.state == AccountState.ACTIVE else None


def account() -> Account | None:
    """Return the account that is logged in, if any."""
    return cast(Account | None, g.get("account"))


def owner() -> Account:
    """Inside a view that is owner_only."""
    return cast(Account, g.account)


def pending() -> Account | None:
    """Return the account whose second step is awaited in this session."""
    waiting = session.get("second")
    if not waiting or waiting["at"] < core().clock.seconds() - SECOND_STEP_SECONDS:
        return None
    try:
        account = accounts.load_account(core(), AccountId(waiting["account"]))
    except AccountNotFound:
        return None
    # the first step is void where the password was changed, or all were logged out, since it was made
    is_as_then = web_sessions.find_epoch(core(), account.id) == waiting.get("epoch")
    return account if account.state == AccountState.ACTIVE and is_as_then else None


def awaited() -> Account:
    """Inside a view that is second_step."""
    return cast(Account, g.awaited)


def program() -> Account:
    """Inside a view that is program_only."""
    return cast(Account, g.program)


def log_in_program(scope: Scope) -> Account:
    """Verify the user name and the password that stand in the request (RFC 7617).

    Aborts with 401 where they are missing or wrong.

    Raises:
        TemporarilyUnavailable, TooMany.
    """
    given = request.authorization
    if given is None or given.type != "basic" or not given.username:
        raise LogInMissing
    name, password = given.username, given.password or ""
    agent = request.user_agent.string
    try:
        identity = login.authenticate_remembered(
            core(), name, password, peer=peer(), scope=scope, agent=agent
        ) or login.authenticate(core(), name, password, peer=peer(), scope=scope, agent=agent)
    except WrongPassword:
        raise LogInMissing from None
    return identity.account


class LogInMissing(Unauthorized):
    """The program has not logged in."""

    def __init__(self) -> None:
        super().__init__(www_authenticate=WWWAuthenticate("basic", {"realm": "Alumnimail", "charset": "UTF-8"}))


def peer() -> str:
    return request.remote_addr or ""


def prove(password: str) -> None:
    """Verify the password (either of the two) once more, before an action that gives power over the account.

    Raises:
        WrongPassword, TemporarilyUnavailable, TooMany.
    """
    try:
        identity = login.authenticate(
            core(),
            owner().name,
            password,
            peer=peer(),
            scope=Scope.PORTAL,
            agent=request.user_agent.string,
            session=web_session().token,
        )
    except WrongPassword:
        raise WrongPassword(Saying("That is not your password. Type it once more.")) from None
    if identity.ended:  # the university's password is good for choosing another one, and for nothing else
        raise WrongPassword("the tie to the university has ended")


def device() -> str:
    """Return the mark of a browser in which the owner has logged in before; it opens nothing."""
    return request.cookies.get(_device_cookie(), "")


def _device_cookie() -> str:
    return cookie_name(DEVICE_COOKIE, secure=core().config.url.startswith("https:"))


def remember_device(answer: BaseResponse, who: Account) -> BaseResponse:
    answer.set_cookie(
        _device_cookie(),
        throttle.create_device_mark(core(), who.id),
        max_age=DEVICE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=core().config.url.startswith("https:"),
    )
    return answer

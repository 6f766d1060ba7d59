"""Helpers that views share: the Core, the account that is logged in, where to go next, sizes in words."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar, cast

from babel import numbers
from flask import Response, current_app, flash, g, redirect, request, session, url_for
from flask_babel import format_date, format_datetime, format_decimal
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from mailcore.core import Core
from mailcore.domain import GIB, Account, Incident, Mailbox, PageFacts, Scope
from mailcore.errors import AccountNotFound, Busy, MailError, Saying, WrongPassword
from mailcore.services.accounts import affiliations, leaving, sunset
from mailcore.services.credentials import login
from mailcore.services.limits import throttle
from mailcore.services.operations import page_views, service_status
from mailcore.services.webmail import overview
from portal import i18n
from portal.errors import answer
from portal.sessions import WebSession, cookie_name

P = ParamSpec("P")
T = TypeVar("T")
MIB = 2**20
DEVICE_COOKIE, DEVICE_SECONDS = "alumnimail_browser", 365 * 86_400

_SPECIAL = {
    "\\Drafts": _l("Drafts"),
    "\\Sent": _l("Sent"),
    "\\Junk": _l("Junk mail"),
    "\\Trash": _l("Trash"),
    "\\Archive": _l("Archive"),
}

_BROWSERS = (  # the order matters: most call themselves by others' names, too
    ("Edg/", "Edge"), ("OPR/", "Opera"), ("Vivaldi/", "Vivaldi"), ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
    ("w3m/", "w3m"), ("Lynx/", "Lynx"),
)  # fmt: skip
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


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
        account = overview.account(core(), owner)
    except (AccountNotFound, Busy):
        return
    g.account = account if account.state == "active" else None


def account() -> Account | None:
    """Return the account that is logged in, if any."""
    return cast(Account | None, g.get("account"))


def owner() -> Account:
    """Inside a view that is login_required."""
    return cast(Account, g.account)


def tell(words: str) -> None:
    """Shown at the top of the next page."""
    flash(words)


def leaving_banner() -> leaving.Outlook | None:
    """Return the warning for somebody whom the university's password let in; None for all others (N9)."""
    if g.get("account") is None or web_session().source not in affiliations.UNIVERSITY:
        return None
    return leaving.outlook(core(), owner().id)


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


def login_required(view: Callable[P, T]) -> Callable[P, T | Response]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T | Response:
        if g.account is None:
            next_page = request.full_path.rstrip("?") if request.method == "GET" else request.path
            return cast(Response, redirect(url_for("auth.login", next=next_page)))
        return view(*args, **kwargs)

    return guarded


def incidents() -> list[Incident]:
    """List what is out of order, for the head of every page; empty while the database is (which is seen anyway)."""
    try:
        return service_status.current(core())
    except Busy:
        return []


def ending() -> sunset.Sunset | None:
    """The announced end of the service, once a request; nothing while the database is away."""
    if "ending" not in g:
        try:
            g.ending = sunset.current(core())
        except Busy:
            g.ending = None
    return cast(sunset.Sunset | None, g.ending)


def count_visit() -> None:
    """A person's GET of a public page, once a day."""
    prefetch = request.headers.get("Sec-Purpose") or request.headers.get("Purpose")
    if request.method == "GET" and not prefetch:
        page_views.count(core(), request.path, peer=peer(), agent=request.user_agent.string)


def page_facts() -> PageFacts | None:
    if request.path not in page_views.PAGES:
        return None
    try:
        return page_views.facts(core(), request.path)
    except Busy:
        return None


def safe_next(target: str, otherwise: str) -> str:
    """Only a path on this host; `//evil` and `/\\evil` are other hosts to a browser."""
    good = target.startswith("/") and target[1:2] not in ("/", "\\") and not any(ord(c) < 33 for c in target)
    return target if good else otherwise


def peer() -> str:
    return request.remote_addr or ""


def words_for(problem: MailError) -> str:
    return str(answer(problem)[1])


def size(octets: int) -> str:
    """Two decimals of GB as the quota is spoken of, MB and kB for what is small."""
    return sizes()(octets)


def sizes() -> Callable[[int], str]:
    """`size` for many: the language is asked once."""
    locale = i18n.language()
    return lambda octets: _size(-(-octets // 1024), locale)


@lru_cache(8192)
def _size(kib: int, locale: str) -> str:
    """Rounded to kB first, so that few have to be worked out."""
    if kib >= 100 * 1024:
        return f"{numbers.format_decimal(kib / 2**20, '#,##0.##', locale=locale)} GB"
    if kib >= 1024:
        return f"{numbers.format_decimal(kib / 1024, '#,##0.#', locale=locale)} MB"
    return f"{numbers.format_decimal(kib, '#,##0', locale=locale)} kB"


def program(agent: str) -> str:
    """A browser as people call it, from what it says of itself; what is not known is shown as it is."""
    name = next((words for sign, words in _BROWSERS if sign in agent), "")
    system = next((words for sign, words in _SYSTEMS if sign in agent), "")
    return ", ".join(part for part in (name, system) if part) if name else agent[:80]


def paragraphs(text: str) -> Markup:
    """Plain text as HTML: lines stay lines, empty lines part paragraphs (text browsers break no line of a <pre>)."""
    parts = (part.strip("\n") for part in text.split("\n\n"))
    return Markup("\n").join(
        Markup("<p>{}</p>").format(Markup("<br>\n").join(part.split("\n"))) for part in parts if part.strip()
    )


def day_number() -> str:
    """The day of the month: `1.` in Norwegian, `1` in English."""
    return "d" if i18n.language() == "en" else "d."


def day(value: date) -> str:
    return str(format_date(value, f"{day_number()} MMMM yyyy"))


def moment(value: datetime | int) -> str:
    """A time as people here read it; seconds since 1970 are taken, too."""
    at = value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)
    return str(format_datetime(at, f"{day_number()} MMM yyyy HH:mm"))


def quota_text(account: Account) -> str:
    if not account.quota:
        return _("%(used)s used", used=size(account.used))
    if account.quota < 100 * MIB:
        used, quota = size(account.used), size(account.quota)
    else:
        used, quota = f"{format_decimal(account.used / GIB, '0.00')} GB", size(account.quota)
    return _("%(used)s of %(quota)s used (%(percent)s %%)", used=used, quota=quota, percent=account.percent)


def mailbox_title(box: Mailbox) -> str:
    if box.name == "INBOX":
        return _("Inbox")
    if box.special_use in _SPECIAL:
        return str(_SPECIAL[box.special_use])
    return box.name

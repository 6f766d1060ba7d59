"""Errors as pages: the portal's one place for status codes and words.  Nothing internal is shown."""

import logging
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, render_template
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from mailcore import errors
from mailcore.errors import MailError
from mailcore.saying import Translatable
from portal.i18n import translate

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)
Words = Any  # flask-babel's LazyString, which has no types

TRY_AGAIN = _l("Something went wrong on our side. Nothing was changed. Please try again in a few minutes.")

TABLE: dict[type[MailError], tuple[int, Words]] = {
    errors.MailError: (500, TRY_AGAIN),
    errors.MailboxNotFound: (404, _l("There is no such mailbox or message. It may have been moved or deleted.")),
    errors.MailboxExists: (409, _l("There is a mailbox of that name already.")),
    errors.MailboxReadOnly: (403, _l("This mailbox can only be read.")),
    errors.InvalidName: (400, _l("That name cannot be used. Use the letters a to z, digits, dots and hyphens.")),
    errors.OverQuota: (409, _l("Your mailbox is full. Delete something first.")),
    errors.TooLarge: (413, _l("The message is too large.")),
    errors.UnknownRecipient: (404, _l("Nobody here has that address.")),
    errors.ReportsOnly: (403, _l("Nobody reads mail to that address.")),
    errors.EditorsOnly: (403, _l("Only editors of this newsletter can write to its address.")),
    errors.Moved: (404, _l("The person has another address now.")),
    errors.RelayDenied: (403, _l("That address is not ours.")),
    errors.RejectedByScript: (409, _l("The recipient does not accept this message.")),
    errors.WrongPassword: (403, _l("The user name or the password is wrong.")),
    errors.TemporarilyUnavailable: (
        503,
        _l("The university log-in is not answering; your alumni password works. It is not your fault."),
    ),
    errors.NotAllowed: (403, _l("You may not do this.")),
    errors.ProofNeeded: (403, _l("We must know for certain that it is you.")),
    errors.AccountAsleep: (403, _l("Your account was asleep or closed at that time. Nothing was sent.")),
    errors.SendingHeld: (
        403,
        _l(
            "Sending from your account is on hold, as somebody else may have your password. See the notice in your inbox."
        ),
    ),
    errors.TooMany: (429, _l("That was too many attempts. Wait an hour and try again.")),
    errors.RoomGone: (503, TRY_AGAIN),
    errors.Busy: (503, TRY_AGAIN),
    errors.OctetsMissing: (503, TRY_AGAIN),
    errors.AccountExists: (409, _l("That user name is not available. Please choose another.")),
    errors.AccountNotFound: (404, _l("There is no such account.")),
    errors.WeakPassword: (
        400,
        _l("The new password is too short or too easy to guess. Use at least 12 characters, a sentence for example."),
    ),
    errors.LinkExpired: (410, _l("This link has been used or is too old. Ask for a new one.")),
    errors.NotEligible: (
        403,
        _l(
            "Alumnimail is for present and former students and staff. We find no such affiliation for you. "
            "Write to us if there is one."
        ),
    ),
    errors.CardNotFound: (404, _l("There is no such address.")),
    errors.CardChanged: (412, _l("The address was changed elsewhere meanwhile. Load the page again.")),
    errors.CardTaken: (409, _l("The same person is in the address book already.")),
    errors.ChangesForgotten: (403, _l("The address was changed elsewhere meanwhile. Load the page again.")),
    errors.CardInvalid: (400, _l("That file cannot be read. It must be a vCard.")),
    errors.OrderNotFound: (404, _l("There is no such order.")),
    errors.TicketNotFound: (
        404,
        _l("There is no such case, or it is not yours. Log in, or use the link in our message."),
    ),
    errors.TicketRefused: (400, _l("This could not be sent to the help desk.")),
    errors.NotQueued: (404, _l("There is no such page.")),
    errors.ForwardingRefused: (400, _l("We cannot forward to that address. It must be an address outside Alumnimail.")),
    errors.ScriptNotFound: (404, _l("There is no such filter.")),
    errors.ScriptExists: (409, _l("There is a filter of that name already.")),
    errors.ScriptActive: (409, _l("An active filter cannot be deleted.")),
    errors.ScriptHeld: (403, _l("This script was brought in and sends mail on. Activate it with your password.")),
    errors.ScriptInvalid: (400, _l("The filter has a mistake.")),
    errors.ImportRefused: (400, _l("That file cannot be read. It must be a file from this service or an mbox file.")),
    errors.ConfigError: (500, TRY_AGAIN),
    errors.LoginRefused: (400, _l("The user name or the password is wrong.")),
    errors.CertificateProblem: (503, TRY_AGAIN),
    errors.MoveProblem: (500, TRY_AGAIN),
    errors.BackupProblem: (500, TRY_AGAIN),
    errors.TooManyVanished: (503, TRY_AGAIN),
}

_FIELDS = (
    "allow",
    "retry-after",
    "content-range",
    "www-authenticate",
)  # of an HTTP error's own fields, those that its status promises
HTTP: dict[int, Words] = {
    400: _l("The form could not be read. Go back, load the page again and retry."),
    401: _l("The user name or the password is wrong."),
    403: _l("You may not do this."),
    404: _l("There is no such page."),
    405: _l("This address only takes forms."),
    411: _l("The form could not be read. Go back, load the page again and retry."),
    413: _l("That was too large."),
    421: _l("There is no such page."),
}


def answer(problem: MailError) -> tuple[int, Words]:
    """Status and words for an error: its own words if it has any, else those of its class or the class above."""
    code, words = next((TABLE[cls] for cls in type(problem).__mro__ if cls in TABLE), (500, TRY_AGAIN))
    said = problem.args[0] if problem.args else None
    return code, translate(said) if isinstance(said, str) and isinstance(said, Translatable) else words


def words_of(problem: MailError) -> str:
    return str(answer(problem)[1])


# What is sent when even the error page cannot be made: nothing in here is looked up, translated or asked of a database.
LAST_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Alumnimail</title></head>
<body>
<p lang="nb">Noe gikk galt hos oss. Ingenting ble endret. Prøv igjen om noen minutter. <a href="/">Til forsiden</a></p>
<p lang="nn">Noko gjekk gale hos oss. Ingenting blei endra. Prøv igjen om nokre minutt. <a href="/">Til framsida</a></p>
<p>Something went wrong on our side. Nothing was changed. Please try again in a few minutes. <a href="/">To the front page</a></p>
</body>
</html>
"""


def _page(code: int, words: Words) -> tuple[str, int]:
    try:
        return render_template("error.html", code=code, words=words), code
    except Exception:  # the page has menus, banners and a language: any of them may be what failed
        log.exception("the error page cannot be shown")
        return LAST_PAGE, code


def with_last_page(inside: "WSGIApplication") -> "WSGIApplication":
    """The application; whatever still comes out of it as an exception is answered with the last page."""

    def answer_anyway(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        try:
            return inside(environ, start_response)
        except Exception:  # the last place: the browser gets a page in any case
            log.exception("no answer could be made")
            failed = sys.exc_info()
        octets = LAST_PAGE.encode()
        head = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(octets))),
            ("Cache-Control", "no-store"),
        ]
        start_response("500 Internal Server Error", head, failed)
        return [octets]

    return answer_anyway


def register(app: Flask) -> None:
    def mail_error(problem: MailError) -> tuple[str, int]:
        code, words = answer(problem)
        if code == 500:
            log.error("unanswered %s", type(problem).__name__, exc_info=problem)
        return _page(code, words)

    def csrf_error(_problem: CSRFError) -> tuple[str, int]:
        return _page(400, _l("The form was open for too long. Go back, load the page again and retry."))

    def http_error(problem: HTTPException) -> Any:  # Any: redirects are answers of their own
        if problem.code is None or problem.code < 400:
            return problem
        words = HTTP.get(problem.code, TRY_AGAIN if problem.code >= 500 else HTTP[400])
        page, code = _page(problem.code, getattr(problem, "words", words))
        more = [(name, value) for name, value in problem.get_headers() if name.lower() in _FIELDS]
        return page, code, more

    def unknown(problem: Exception) -> tuple[str, int]:
        log.error("unexpected error in the portal", exc_info=problem)
        return _page(500, TRY_AGAIN)

    app.register_error_handler(MailError, mail_error)
    app.register_error_handler(CSRFError, csrf_error)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, unknown)

"""The one place where our errors become IMAP answers (codes: RFC 5530, RFC 9051 section 7.1)."""

import logging

from mailcore import errors
from mailcore.imap.responses import Tagged
from mailcore.wire.reader import SyntaxProblem

log = logging.getLogger(__name__)

CODES: dict[type[errors.MailError], tuple[str, str]] = {
    errors.MailboxNotFound: ("NONEXISTENT", "No such mailbox"),
    errors.MailboxExists: ("ALREADYEXISTS", "There is a mailbox of that name"),
    errors.MailboxReadOnly: ("READ-ONLY", "Mailbox is read-only"),
    errors.InvalidName: ("CANNOT", "That name cannot be used"),
    errors.OverQuota: ("OVERQUOTA", "Over quota"),
    errors.TooLarge: ("TOOBIG", "The message is too large"),
    errors.UnknownRecipient: ("NONEXISTENT", "No such address"),
    errors.ReportsOnly: ("NOPERM", "Only delivery reports are taken there"),
    errors.EditorsOnly: ("NOPERM", "Only editors of the newsletter write there"),
    errors.Moved: ("NONEXISTENT", "The recipient has moved"),
    errors.RelayDenied: ("NOPERM", "Not allowed"),
    errors.RejectedByScript: ("CANNOT", "Refused by a script"),
    errors.WrongPassword: ("AUTHENTICATIONFAILED", "Wrong user name or password"),
    errors.TemporarilyUnavailable: ("UNAVAILABLE", "Cannot check the password now, try again later"),
    errors.NotAllowed: ("NOPERM", "Not allowed"),
    errors.ScriptHeld: ("NOPERM", "Not allowed"),
    errors.ProofNeeded: ("AUTHENTICATIONFAILED", "Log in to the portal first"),
    errors.SendingHeld: ("NOPERM", "Sending is on hold"),
    errors.AccountAsleep: ("NOPERM", "The account sleeps"),
    errors.TooMany: ("LIMIT", "Too many, try again later"),
    errors.RoomGone: ("UNAVAILABLE", "Try again later"),
    errors.Busy: ("UNAVAILABLE", "Try again later"),
    errors.OctetsMissing: ("UNAVAILABLE", "Try again later"),
    errors.AccountExists: ("ALREADYEXISTS", "There is an account of that name"),
    errors.AccountNotFound: ("NONEXISTENT", "No such account"),
    errors.WeakPassword: ("CANNOT", "The password is too weak"),
    errors.LinkExpired: ("EXPIRED", "The link is used up or too old"),
    errors.NotEligible: ("NOPERM", "Not eligible"),
    errors.OrderNotFound: ("NONEXISTENT", "No such order"),
    errors.TicketNotFound: ("NONEXISTENT", "No such case"),
    errors.CardNotFound: ("NONEXISTENT", "No such address"),
    errors.CardChanged: ("CANNOT", "The address was changed meanwhile"),
    errors.CardInvalid: ("CANNOT", "Not a vCard"),
    errors.CardTaken: ("ALREADYEXISTS", "There is one already"),
    errors.ChangesForgotten: ("CANNOT", "The changes are not known any more"),
    errors.TicketRefused: ("CANNOT", "Refused by the help desk"),
    errors.NotQueued: ("NONEXISTENT", "No such item"),
    errors.ForwardingRefused: ("CANNOT", "Mail cannot be forwarded there"),
    errors.ScriptNotFound: ("NONEXISTENT", "No such script"),
    errors.ScriptExists: ("ALREADYEXISTS", "There is a script of that name"),
    errors.ScriptActive: ("INUSE", "The script is active"),
    errors.ScriptInvalid: ("CANNOT", "The script has errors"),
    errors.TooManyVanished: ("SERVERBUG", "The server is not set up for this"),
    errors.ImportRefused: ("CANNOT", "The import is refused"),
    errors.LoginRefused: ("CANNOT", "The import is refused"),
    errors.ConfigError: ("SERVERBUG", "The server is not set up for this"),
    errors.CertificateProblem: ("UNAVAILABLE", "Try again later"),
    errors.MoveProblem: ("SERVERBUG", "The server is not set up for this"),
    errors.BackupProblem: ("SERVERBUG", "The server is not set up for this"),
}


class TryCreate(errors.MailboxNotFound):
    """The target of APPEND, COPY or MOVE does not exist; the client may CREATE it."""


CODES[TryCreate] = ("TRYCREATE", "No such mailbox")


class BadCharset(errors.MailError):
    """SEARCH in a charset we do not read."""


CODES[BadCharset] = ("BADCHARSET (UTF-8 US-ASCII ISO-8859-1 WINDOWS-1252)", "Unknown charset")


class WrongState(Exception):
    """The command is not for this state of the session (RFC 9051 section 3).  The text may be shown."""


class UidRequired(Exception):
    """A message number from a client that has given them up (RFC 9586 section 3)."""


class Refused(Exception):
    """NO with a code, decided by the command itself."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


def answer(tag: bytes, problem: Exception) -> Tagged:
    """Return the tagged answer for whatever a command raised.  Never shows internals."""
    if isinstance(problem, SyntaxProblem | WrongState):
        return Tagged(tag, "BAD", str(problem))
    if isinstance(problem, UidRequired):
        return Tagged(tag, "BAD", "Only UIDs are used here", "UIDREQUIRED")
    if isinstance(problem, Refused):
        return Tagged(tag, "NO", str(problem), problem.code)
    if isinstance(problem, errors.MailError):
        code, text = CODES.get(type(problem), ("SERVERBUG", "Internal error"))
        return Tagged(tag, "NO", text, code)
    log.error("command failed", exc_info=problem)
    return Tagged(tag, "NO", "Internal error", "SERVERBUG")

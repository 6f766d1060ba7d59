"""The one place where our errors become SMTP replies (codes: RFC 5321 section 4.2, RFC 3463)."""

import re
from typing import assert_never

from mailcore import errors
from mailcore.domain import Refusal
from mailcore.log import log_for
from mailcore.mail.reading.lines import lines_of

log = log_for(__name__)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")

REPLIES: dict[type[errors.MailError], str] = {
    errors.MailboxNotFound: "550 5.1.1 No such mailbox",
    errors.MailboxExists: "550 5.7.1 It exists already",
    errors.MailboxReadOnly: "550 5.2.1 The mailbox is read-only",
    errors.InvalidName: "553 5.1.3 Not a valid address",
    errors.OverQuota: f"552 5.2.2 {errors.MAILBOX_FULL}",
    errors.RoomGone: "451 4.2.2 Try again later",
    errors.TooLarge: "552 5.3.4 The message is too large",
    errors.UnknownRecipient: "550 5.1.1 Ukjent mottaker / No such address here",
    errors.ReportsOnly: "550 5.7.1 Only delivery reports, which have the null sender, are taken here",
    errors.EditorsOnly: "550 5.7.1 Only editors of this newsletter, logged in, can write to this address",
    errors.Moved: "550 5.1.6 The recipient has moved",
    errors.RelayDenied: "550 5.7.1 Relaying denied",
    errors.RejectedByScript: "550 5.7.1 Refused by the recipient",
    errors.WrongPassword: "535 5.7.8 The user name or the password is wrong",
    errors.TemporarilyUnavailable: "454 4.7.0 The university log-in is not answering; your alumni password works",
    errors.NotAllowed: "550 5.7.1 The sender must be an address of yours",
    errors.ProofNeeded: "535 5.7.8 Log in to the portal first",
    errors.SendingHeld: "550 5.7.1 Your sending is on hold, as somebody else may have your password; see your INBOX",
    errors.AccountAsleep: "550 5.7.1 Your account sleeps; log in to the portal to wake it",
    errors.TooMany: "450 4.7.0 Too many; try again later",
    errors.Busy: "451 4.3.0 Try again later",
    errors.OctetsMissing: "451 4.3.0 Try again later",
    errors.AccountExists: "550 5.7.1 The name is taken",
    errors.AccountNotFound: "550 5.1.1 No such account",
    errors.WeakPassword: "535 5.7.8 The password is too weak",
    errors.LinkExpired: "550 5.7.1 The link is used up",
    errors.NotEligible: "550 5.7.1 Not eligible",
    errors.OrderNotFound: "550 5.7.1 No such order",
    errors.TicketNotFound: "550 5.7.1 No such case",
    errors.CardNotFound: "550 5.1.1 No such address",
    errors.CardChanged: "550 5.7.1 The address was changed meanwhile",
    errors.CardInvalid: "550 5.6.0 Not a vCard",
    errors.CardTaken: "550 5.7.1 There is one already",
    errors.ChangesForgotten: "550 5.7.1 The changes are not known any more",
    errors.TicketRefused: "550 5.7.1 Refused by the help desk",
    errors.NotQueued: "550 5.7.1 No such item",
    errors.ForwardingRefused: "550 5.7.1 Forwarding refused",
    errors.ScriptNotFound: "550 5.7.1 No such script",
    errors.ScriptExists: "550 5.7.1 The script exists already",
    errors.ScriptActive: "550 5.7.1 The script is active",
    errors.ScriptHeld: "550 5.7.1 The script is held",
    errors.ScriptInvalid: "451 4.3.0 Try again later",
    errors.TooManyVanished: "451 4.3.0 Try again later",
    errors.ImportRefused: "550 5.7.1 The import is refused",
    errors.LoginRefused: "550 5.7.1 The import is refused",
    errors.ConfigError: "451 4.3.0 Try again later",
    errors.CertificateProblem: "451 4.3.0 Try again later",
    errors.MoveProblem: "451 4.3.0 Try again later",
    errors.BackupProblem: "451 4.3.0 Try again later",
}


def reply_to(problem: BaseException) -> str:
    """The reply for whatever was raised.  What we do not know is temporary, and shows no detail."""
    if isinstance(problem, errors.RejectedByScript) and str(problem):
        return rejected(str(problem), problem.refusal)
    if isinstance(problem, errors.Moved):
        return (
            f"550 5.1.6 Mottakeren har flyttet til / The recipient has moved to {_UNPRINTABLE.sub('?', str(problem))}"
        )
    if isinstance(problem, errors.MailError) and type(problem) in REPLIES:
        return REPLIES[type(problem)]
    log.error("a command failed", exc_info=problem)
    return "451 4.3.0 Try again later"


def rejected(reason: str, refusal: Refusal = Refusal.RULE) -> str:
    """The reply for a refusal; a script's own words as one or more lines (RFC 5429 section 2.1.1)."""
    match refusal:
        case Refusal.FULL:
            return REPLIES[errors.OverQuota]
        case Refusal.LATER:  # it comes again by itself, and its writer need not
            return f"450 4.7.1 {reason}"
        case Refusal.RULE:
            return _in_their_words(reason)
        case _:
            assert_never(refusal)


def _in_their_words(reason: str) -> str:
    words = [line.encode("ascii", "replace").decode() for line in lines_of(reason) if line.strip()]
    lines = [_UNPRINTABLE.sub(" ", line)[:400] for line in words[:10]] or ["Refused by the recipient"]
    return "\r\n".join(f"550{'-' if n < len(lines) - 1 else ' '}5.7.1 {line}" for n, line in enumerate(lines))

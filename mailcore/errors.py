"""Everything that can go wrong, in the words of mail, not of any one protocol.

A function raises one of these.  Each protocol turns them into its own reply in
exactly one place: imap/status.py, smtp/reply.py, managesieve/status.py, portal/errors.py.  Where the text is a Saying, people
read it in their own language in the portal.
"""

from mailcore.domain import Refusal


class MailError(Exception):
    """Root of our own errors.  `temporary` tells a peer whether to try again."""

    temporary = False


class MailboxNotFound(MailError):
    """No mailbox of that name."""


class MailboxExists(MailError):
    """There is one of that name already."""


class MailboxReadOnly(MailError):
    """The mailbox was opened with EXAMINE, or the account is frozen."""


class InvalidName(MailError):
    """A name of a mailbox, account or script that cannot be used; the text says why."""


MAILBOX_FULL = "Postboksen er full / The mailbox is full"  # told to senders, who read either


class OverQuota(MailError):
    """Permanent on purpose: the sender must hear of it now, not after days of retries."""


class RoomGone(MailError):
    """One box was filled between RCPT and the end of the message while others have room: the next try hears it at RCPT."""

    temporary = True


class TooLarge(MailError):
    """The message is above the site's limit."""


class UnknownRecipient(MailError):
    """Nobody here has that address."""


class ReportsOnly(MailError):
    """The address takes nothing but reports of delivery, which have the null sender."""


class ProofNeeded(MailError):
    """The password is right, and alone it opens nothing here: the owner must be proved by a second way (N30)."""


class Moved(UnknownRecipient):
    """The owner closed the account and left a new address for this sender; the text is that address."""


class EditorsOnly(UnknownRecipient):
    """The address of a topic of newsletters is there for its editors alone, when they are logged in."""


class RelayDenied(MailError):
    """The address is not ours, and the peer has not logged in."""


class RejectedByScript(MailError):
    """The recipient's script said no, or there is no room; the text is for the sender."""

    def __init__(self, reason: str = "", refusal: Refusal = Refusal.RULE) -> None:
        super().__init__(reason)
        self.refusal = refusal


class WrongPassword(MailError):
    """Unknown user and wrong password alike."""


class TemporarilyUnavailable(MailError):
    """A password source did not answer; not the person's fault."""

    temporary = True


class TooManyVanished(MailError):
    """The directory misses too many people at once; a reading of it is not believed."""


class NotAllowed(MailError):
    """Logged in, but not for this; e.g. a sender address of somebody else."""


class SendingHeld(MailError):
    """The account may not send for the time being, as somebody else may have its password."""


class AccountAsleep(SendingHeld):
    """The account sleeps or is closed, and sends nothing."""


class TooMany(MailError):
    """A rate or a count is above the limit."""

    temporary = True


class Busy(MailError):
    """The store could not be reached, locked or written in time; nothing was saved."""

    temporary = True


class OctetsMissing(Busy):
    """The octets of a message are nowhere, or are something else, though the store answers; a backup may bring them back."""


class AccountExists(MailError):
    """The name is taken or reserved, or was somebody's before."""


class AccountNotFound(MailError):
    """No such account."""


class WeakPassword(MailError):
    """The new password is too short or too common; the text says which."""


class LinkExpired(MailError):
    """A one-time link that is used up, old or unknown."""


class NotEligible(MailError):
    """The person has no tie to the university that gives an account; the text tells what was found."""


class CardNotFound(MailError):
    """No such card in the address book."""


class CardChanged(MailError):
    """The card is not the one that the program has seen, or there is one although there should be none."""


class CardInvalid(MailError):
    """Not one vCard of a size that an address book takes."""


class CardTaken(MailError):
    """Another card of the address book has the same UID; the text is its name."""


class ChangesForgotten(MailError):
    """The changes since then are not known any more: the whole address book must be read."""


class OrderNotFound(MailError):
    """No such order, or it is decided already."""


class TicketNotFound(MailError):
    """No such help case, or it is not for this person."""


class TicketRefused(MailError):
    """Raised for input that cannot become a help case; the text says why."""


class NotQueued(MailError):
    """No such item in the queue."""


class ForwardingRefused(MailError):
    """The target cannot be forwarded to; the text says why."""


class ScriptNotFound(MailError):
    """No script of that name."""


class ScriptExists(MailError):
    """There is a script of that name already."""


class ScriptActive(MailError):
    """The active script cannot be deleted (RFC 5804 section 2.10)."""


class ScriptHeld(NotAllowed):
    """The script was brought in and sends mail on; only its owner, with the password, takes it into use."""


class ScriptInvalid(MailError):
    """The script does not compile; the text names the line."""


class ImportRefused(MailError):
    """A file or a server that mail cannot be taken from; the text says why."""


class ConfigError(MailError):
    """The settings cannot be used; the text names the key."""


class LoginRefused(ImportRefused):
    """The server there does not take the password or the token."""


class CertificateProblem(MailError):
    """The certificate authority gave no certificate; the text says why."""

    temporary = True


class MoveProblem(ConfigError):
    """An installation cannot be moved to another database as asked; the text says why."""


class BackupProblem(ConfigError):
    """A backup cannot be created or restored as asked; the text says why."""

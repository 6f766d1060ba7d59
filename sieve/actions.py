"""Actions that a script decided on (RFC 5228 section 4).  Values only; the delivery carries them out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keep:
    """RFC 5228 section 4.3, flags from RFC 5232 section 5."""

    flags: tuple[str, ...] = ()
    implicit: bool = False
    octets: bytes | None = None  # the message as the script changed it


@dataclass(frozen=True, slots=True)
class FileInto:
    """RFC 5228 section 4.1; copy from RFC 3894, create from RFC 5490 section 3.2."""

    mailbox: str
    flags: tuple[str, ...] = ()
    copy: bool = False
    create: bool = False
    special_use: str = ""  # RFC 8579 section 4: of the mailbox, or of the one to be made
    octets: bytes | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """RFC 5228 section 4.2; copy from RFC 3894."""

    address: str
    copy: bool = False
    notify: tuple[str, ...] = ()  # RFC 6009 section 5
    ret: str = ""
    octets: bytes | None = None


@dataclass(frozen=True, slots=True)
class Discard:
    """RFC 5228 section 4.4."""


@dataclass(frozen=True, slots=True)
class Reject:
    """RFC 5429 section 2.2: the sender hears the reason, if need be in a message."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ereject:
    """RFC 5429 section 2.1: refused in the SMTP session whenever that is possible."""

    reason: str


@dataclass(frozen=True, slots=True)
class Vacation:
    """RFC 5230.  Whether a reply goes out is decided by the delivery (sections 4.2 and 4.6).

    Attributes:
        subject, from_address: "" when the script names none.
        handle: distinguishes replies; derived from the reply's words when the script names none.
        mime: reason is a whole MIME entity, not plain text.
    """

    reason: str
    subject: str
    from_address: str
    addresses: tuple[str, ...]
    days: int
    handle: str
    mime: bool
    seconds: int = 0  # the same interval as `days`, to the second (RFC 6131)
    fcc: FileInto | None = None


@dataclass(frozen=True, slots=True)
class Notify:
    """RFC 5435 section 3.

    Attributes:
        already_reached: addresses of the URI that an earlier notification of this run reaches.
    """

    method: str
    message: str
    from_address: str
    importance: str
    options: tuple[str, ...]
    fcc: FileInto | None = None
    already_reached: tuple[str, ...] = ()


Action = Keep | FileInto | Redirect | Discard | Reject | Ereject | Vacation | Notify


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a run.

    Attributes:
        actions: in order, duplicates removed; with implicit_keep a Keep(implicit=True) among them.
        implicit_keep: nothing cancelled the implicit keep and no explicit keep took its place.
        lines: of the command behind each action, 0 for the implicit keep.
    """

    actions: tuple[Action, ...]
    implicit_keep: bool
    remembered: tuple[tuple[str, int], ...] = ()  # RFC 7352: to be remembered, and for how many seconds
    lines: tuple[int, ...] = ()

"""The capabilities that CAPABILITY lists (RFC 9051 section 7.2.2): each with its RFC, and when it is listed.

A new capability is a new row, here and in docs/standards.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from mailcore.imap.context import Context
from mailcore.imap.named_messages import MESSAGE_LIMIT
from mailcore.services.signin import sasl_login


class When(Enum):
    """A situation of a session in which a capability is listed."""

    ALWAYS = auto()
    BEFORE_TLS = auto()  # and before log-in
    LOGIN_OFFERED = auto()  # before log-in, under TLS or where the site allows passwords in the clear
    LOGIN_DISABLED = auto()  # before log-in, where a password would be in the clear
    AFTER_LOGIN = auto()


@dataclass(frozen=True, slots=True)
class Capability:
    """A row of the table.  `values` gives what stands after the name, once for each time that it is listed."""

    name: str
    rfc: int
    when: When = When.ALWAYS
    values: Callable[[Context], tuple[str, ...]] | None = None


def _mechanisms(context: Context) -> tuple[str, ...]:
    return sasl_login.list_mechanisms(context.core, secure=context.wire.secure, channel=context.wire.channel)


CAPABILITIES = (
    Capability("IMAP4rev1", 3501),
    Capability("IMAP4rev2", 9051),
    Capability("LITERAL+", 7888),
    Capability("SASL-IR", 4959),
    Capability("ID", 2971),
    Capability("ENABLE", 5161),
    Capability("IDLE", 2177),
    Capability("NAMESPACE", 2342),
    Capability("CHILDREN", 3348),
    Capability("UNSELECT", 3691),
    Capability("UIDPLUS", 4315),
    Capability("MOVE", 6851),
    Capability("SPECIAL-USE", 6154),
    Capability("CREATE-SPECIAL-USE", 6154),
    Capability("LIST-EXTENDED", 5258),
    Capability("LIST-STATUS", 5819),
    Capability("STATUS=SIZE", 8438),
    Capability("QUOTA", 9208),
    Capability("QUOTA=RES-STORAGE", 9208),
    Capability("ESEARCH", 4731),
    Capability("SEARCHRES", 5182),
    Capability("BINARY", 3516),
    Capability("MULTIAPPEND", 3502),
    Capability("CATENATE", 4469),
    Capability("REPLACE", 8508),
    Capability("UTF8=ACCEPT", 9755),
    Capability("OBJECTID", 8474),
    Capability("SAVEDATE", 8514),
    Capability("PREVIEW", 8970),
    Capability("WITHIN", 5032),
    Capability("SEARCH=FUZZY", 6203),
    Capability("CONDSTORE", 7162),
    Capability("QRESYNC", 7162),
    Capability("ESORT", 5267),
    Capability("CONTEXT=SEARCH", 5267),
    Capability("MULTISEARCH", 7377),
    Capability("NOTIFY", 5465),
    Capability("INPROGRESS", 9585),
    Capability("PARTIAL", 9394),
    Capability("UIDONLY", 9586),
    Capability("METADATA", 5464),
    Capability("LIST-METADATA", 9590),
    Capability("SORT", 5256),
    Capability("SORT=DISPLAY", 5957),
    Capability("THREAD=ORDEREDSUBJECT", 5256),
    Capability("THREAD=REFERENCES", 5256),
    Capability("APPENDLIMIT=", 7889, values=lambda context: (str(context.core.config.message_octets),)),
    Capability("MESSAGELIMIT=", 9738, values=lambda _: (str(MESSAGE_LIMIT),)),
    Capability("IMAPSIEVE=", 6785, values=lambda context: (f"sieve://{context.core.config.host}",)),
    Capability("STARTTLS", 9051, When.BEFORE_TLS),
    Capability("LOGINDISABLED", 9051, When.LOGIN_DISABLED),
    Capability("AUTH=", 9051, When.LOGIN_OFFERED, _mechanisms),
    # not while DEFLATE is active (RFC 4978 section 3)
    Capability("COMPRESS=", 4978, When.AFTER_LOGIN, lambda context: () if context.compressed else ("DEFLATE",)),
)
_FIXED = " ".join(row.name for row in CAPABILITIES if row.when is When.ALWAYS and row.values is None)
_OTHERS = tuple(row for row in CAPABILITIES if row.when is not When.ALWAYS or row.values is not None)


def list_capabilities(context: Context) -> bytes:
    """List what this session is offered now, as CAPABILITY and its response code have it."""
    is_in = context.account is not None
    offered = () if is_in or not context.may_log_in else _mechanisms(context)
    key = context.core.config, is_in, context.wire.secure, context.may_log_in, context.compressed, offered
    written: dict[object, bytes] = context.core.resources.get("capabilities of IMAP", dict)
    if (text := written.get(key)) is None:
        text = written[key] = _write_capabilities(context)
    return text


def _write_capabilities(context: Context) -> bytes:
    now = _situations(context)
    names = [_FIXED]
    for row in _OTHERS:
        if row.when in now:
            names += [row.name + value for value in row.values(context)] if row.values is not None else [row.name]
    return " ".join(names).encode()


def _situations(context: Context) -> set[When]:
    if context.account is not None:
        return {When.ALWAYS, When.AFTER_LOGIN}
    login = When.LOGIN_OFFERED if context.may_log_in else When.LOGIN_DISABLED
    return {When.ALWAYS, login} | (set() if context.wire.secure else {When.BEFORE_TLS})

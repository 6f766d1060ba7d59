"""The capabilities that the server tells when a client comes, after TLS and when asked (RFC 5804 section 1.7)."""

from collections.abc import Callable
from dataclasses import dataclass

import sieve
from mailcore.managesieve.context import Context
from mailcore.managesieve.status import string
from mailcore.services.signin import sasl_login


@dataclass(frozen=True, slots=True)
class Capability:
    """A row of the table.  Without `value` the name stands alone; without `listed` it is always listed."""

    name: str
    value: Callable[[Context], str] | None = None
    listed: Callable[[Context], bool] | None = None


def _mechanisms(context: Context) -> str:
    """Name the mechanisms of AUTHENTICATE: none after log-in, nor where a password would be in the clear."""
    wire = context.wire
    if context.account is not None or not context.may_log_in:
        return ""
    return " ".join(sasl_login.list_mechanisms(context.core, secure=wire.secure, channel=wire.channel))


CAPABILITIES = (
    Capability("IMPLEMENTATION", lambda _: "Alumnimail"),
    Capability("SASL", _mechanisms),
    Capability("SIEVE", lambda _: " ".join(sieve.capabilities())),
    Capability("MAXREDIRECTS", lambda _: str(sieve.MAX_REDIRECTS)),
    Capability("NOTIFY", lambda _: "mailto"),
    Capability("LANGUAGE", lambda _: "en"),
    Capability("UNAUTHENTICATE"),
    Capability("VERSION", lambda _: "1.0"),
    Capability("STARTTLS", listed=lambda context: not context.wire.secure),
    Capability("OWNER", lambda context: context.owner.name, listed=lambda context: context.account is not None),
)


def list_capabilities(context: Context) -> bytes:
    """List what this session is offered now, a line for each."""
    lines = []
    for row in CAPABILITIES:
        if row.listed is None or row.listed(context):
            value = b" " + string(row.value(context)) if row.value is not None else b""
            lines.append(b'"%s"%s\r\n' % (row.name.encode(), value))
    return b"".join(lines)

"""What a script may ask about a message, and the addresses in a header (RFC 5322 section 3.4)."""

import re
from typing import NamedTuple, Protocol


class MessageView(Protocol):
    """One message on its way to one recipient.  Every answer comes from memory."""

    @property
    def size(self) -> int:
        """In octets."""

    @property
    def envelope_from(self) -> str:
        """MAIL FROM, "" for the null path."""

    @property
    def envelope_to(self) -> str:
        """The RCPT TO this run is for."""

    def header(self, name: str) -> list[str]:
        """Every value of that field, unfolded and decoded; name in any case."""

    def environment(self, item: str) -> str | None: ...
    def mailbox_exists(self, name: str) -> bool: ...
    def body_text(self) -> str: ...


class Address(NamedTuple):
    """local and domain, or only whole for something that is no address."""

    whole: str
    local: str | None
    domain: str | None


_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"?|\[(?:[^\]\\]|\\.)*\]?|[<>,;:()]|\\.|\s+|[^\s"<>,;:()\[\\]+|.', re.DOTALL)
_LOCAL = r"""(?:[^\s"(),:;<>@\[\\\]\x00-\x1f\x7f]+|"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*")"""
_DOMAIN = r"(?:[\w](?:[\w\-]*[\w])?(?:\.[\w](?:[\w\-]*[\w])?)*|\[[^\s\[\]\\]+\])"
_ADDRESS = re.compile(f"({_LOCAL})@({_DOMAIN})")


def read_address(text: str) -> Address | None:
    """`local@domain` and nothing around it, or None."""
    found = _ADDRESS.fullmatch(text)
    if not found or len(text) > 320:
        return None
    local = found[1]
    if local.startswith('"'):
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    elif local.startswith(".") or local.endswith(".") or ".." in local:
        return None
    return Address(text, local, found[2])


def addresses(value: str) -> list[Address]:
    """The addresses of one header value: names, comments, groups and routes left out.

    What cannot be read is given back whole, so that `:all` still sees it (RFC 5228 section 5.1).
    """
    found: list[Address] = []
    bare: list[str] = []
    angle: list[str] | None = None
    in_angle, depth = False, 0

    def end() -> None:
        nonlocal angle
        text = "".join(angle) if angle is not None else "".join(bare).strip()
        if text or angle is not None:
            found.append(read_address(text) or Address(text, None, None))
        bare.clear()
        angle = None

    for piece in _PIECE.findall(value):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(depth - 1, 0)
        elif depth:
            continue
        elif in_angle:
            if piece == ">":
                in_angle = False
            elif piece == ":" and angle is not None:
                angle.clear()  # a route of RFC 5322 section 4.4
            elif angle is not None and not piece.isspace():
                angle.append(piece)
        elif piece == "<":
            angle, in_angle = [], True
        elif piece in ",;":
            end()
        elif piece == ":":
            bare.clear()  # the name of a group
        else:
            bare.append(piece)
    end()
    readable = [address for address in found if address.local is not None]
    return readable or found


ADDRESS_HEADERS = frozenset(
    """from to cc bcc sender resent-from resent-to reply-to resent-reply-to resent-sender resent-cc
    resent-bcc for-approval for-handling for-comment apparently-to errors-to delivered-to
    return-receipt-to return-path x-admin read-receipt-to x-confirm-reading-to mail-followup-to
    return-receipt-requested registered-mail-reply-requested-by mail-reply-to abuse-reports-to
    x-complaints-to x-report-abuse-to x-beenthere x-original-from x-original-to envelope-to
    disposition-notification-to x-forwarded-to x-forwarded-for x-envelope-to x-envelope-from
    """.split()  # noqa: SIM905 - a list of forty lines reads worse
)

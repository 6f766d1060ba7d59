"""Parameters of MAIL and RCPT: a path and parameters, each of which a published extension defines.  No I/O."""

import re
from dataclasses import dataclass

from sieve.addrspec import LOCAL, normal_address, read_addr_spec, unquoted_local

# A source route is dropped (RFC 5321 section 4.1.1.3); what is no address is told so after its parameters were read.
_PATH = re.compile(rf'<(?:@[^:<>"\s]*:)?({LOCAL}(?:@[^@\s<>"]*)?|[^<>"\s]*)>(?:\s+(.*))?\Z')
_XTEXT = re.compile(r"\A(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})*\Z")
_HEX = re.compile(r"\+([0-9A-F]{2})")
MAX_ADDRESS = (
    254  # octets: a path has 256 with its brackets (RFC 5321 section 4.5.3.1.3); local parts above 64 are in use
)
MAX_ENVID, MAX_ORCPT = 100, 500  # RFC 3461 sections 4.2 and 4.4
MAX_SIZE_DIGITS = 20  # RFC 1870 section 5


class Refused(Exception):
    """A command that is answered with this reply."""


@dataclass(frozen=True, slots=True)
class Mail:
    """MAIL FROM; `size` in octets as announced, None when it was not."""

    sender: str
    size: int | None = None
    smtputf8: bool = False
    require_tls: bool = False
    ret: str = ""
    envid: str = ""


@dataclass(frozen=True, slots=True)
class Rcpt:
    """RCPT TO with what RFC 3461 adds."""

    address: str
    notify: str = ""
    orcpt: str = ""


def parse_mail(argument: str, *, tls: bool) -> Mail:
    """`FROM:<path> [parameters]`; raises Refused."""
    sender, params = _path(argument, "FROM:")
    if sender and not is_address(sender):
        raise Refused(f"501 5.1.7 {_what_is_wrong(sender)}")
    size = params.pop("SIZE", None)
    if size is not None and not (size.isascii() and size.isdigit() and len(size) <= MAX_SIZE_DIGITS):
        raise Refused("501 5.5.4 SIZE is a number")
    if params.pop("BODY", "7BIT").upper() not in ("7BIT", "8BITMIME"):
        raise Refused("501 5.5.4 BODY is 7BIT or 8BITMIME")
    smtputf8 = _flag(params, "SMTPUTF8")
    if not sender.isascii() and not smtputf8:
        raise Refused("553 5.6.7 Such an address needs SMTPUTF8")
    require_tls = _flag(params, "REQUIRETLS")
    if require_tls and not tls:
        raise Refused("530 5.7.10 REQUIRETLS needs TLS on this connection too")  # RFC 8689 section 4.1
    ret = params.pop("RET", "").upper()
    if ret not in ("", "FULL", "HDRS"):
        raise Refused("501 5.5.4 RET is FULL or HDRS")
    envid = _decoded(params.pop("ENVID", ""), "ENVID", MAX_ENVID)
    params.pop("AUTH", None)  # RFC 4954 section 5: we make nothing of it
    if params:
        raise Refused("555 5.5.4 Parameter not known")
    return Mail(sender, int(size) if size else None, smtputf8, require_tls, ret, envid)


def parse_rcpt(argument: str, *, postmaster: str, smtputf8: bool) -> Rcpt:
    """`TO:<path> [parameters]`; raises Refused.

    Args:
        postmaster: what `<postmaster>` without a domain means (RFC 5321 section 4.5.1).
    """
    address, params = _path(argument, "TO:")
    notify = params.pop("NOTIFY", "").upper()
    words = notify.split(",") if notify else []
    if len(set(words)) != len(words) or not (set(words) <= {"SUCCESS", "FAILURE", "DELAY"} or words == ["NEVER"]):
        raise Refused("501 5.5.4 NOTIFY is NEVER, or some of SUCCESS, FAILURE, DELAY")
    orcpt = params.pop("ORCPT", "")
    if orcpt:
        kind, semicolon, original = orcpt.partition(";")
        if not semicolon or not kind.isascii() or not kind.replace("-", "").isalnum():
            raise Refused("501 5.5.4 ORCPT is a type, a semicolon and an address")
        known = original if kind.lower() == "utf-8" else _decoded(original, "ORCPT", MAX_ORCPT)  # RFC 6533 section 3
        if not known.isprintable():
            raise Refused("501 5.5.4 ORCPT holds what is not printable")
        orcpt = f"{kind.lower()};{known[:MAX_ORCPT]}"
    if params:
        raise Refused("555 5.5.4 Parameter not known")
    if unquoted_local(address).lower() == "postmaster":
        address = postmaster
    if not is_address(address):
        raise Refused(f"501 5.1.3 {_what_is_wrong(address)}")
    if not address.isascii() and not smtputf8:
        raise Refused("553 5.6.7 Such an address needs SMTPUTF8")
    return Rcpt(address, notify, orcpt)


def is_address(text: str) -> bool:
    """Is it `localpart@domain` of a length that mail knows?  No more is promised."""
    return read_addr_spec(text) is not None and len(text.encode()) <= MAX_ADDRESS


def _what_is_wrong(address: str) -> str:
    return "The address is too long" if read_addr_spec(address) is not None else "Not an address"


def _path(argument: str, keyword: str) -> tuple[str, dict[str, str]]:
    """The address, its local part quoted only where it must be, and the parameters."""
    if argument[: len(keyword)].upper() != keyword:
        raise Refused(f"501 5.5.4 Syntax: {keyword}<address>")
    found = _PATH.match(argument[len(keyword) :].strip())
    if found is None:
        raise Refused("501 5.1.7 Syntax: <address>")
    params: dict[str, str] = {}
    for word in (found[2] or "").split():
        name, _, value = word.partition("=")
        if name.upper() in params:
            raise Refused("501 5.5.4 A parameter stands twice")
        params[name.upper()] = value
    address = found[1].removesuffix(".") if "@" in found[1] else found[1]  # the root of DNS, as some write it
    return normal_address(address), params


def _flag(params: dict[str, str], name: str) -> bool:
    value = params.pop(name, None)
    if value:
        raise Refused(f"501 5.5.4 {name} takes no value")
    return value is not None


def _decoded(xtext: str, name: str, limit: int) -> str:
    """RFC 3461 section 4; what it hides must not break out of a field that we write, so only printable ASCII stays."""
    if len(xtext) > limit or not _XTEXT.match(xtext):
        raise Refused(f"501 5.5.4 {name} is xtext of at most {limit} characters")
    text = _HEX.sub(lambda m: chr(int(m[1], 16)), xtext)
    if not all(" " <= char <= "~" for char in text):
        raise Refused(f"501 5.5.4 {name} holds what is not printable")
    return text

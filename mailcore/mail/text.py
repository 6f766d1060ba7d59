"""The text of a message for search and for scripts: decoded parts, decoded header fields."""

from email import message_from_bytes
from email.message import Message
from email.policy import compat32

from mailcore.mail import header


def header_text(block: bytes) -> str:
    """All fields, decoded, a line each."""
    return "\n".join(f"{name}: {header.decode(value.strip())}" for name, value in header.fields(block))


def decoded(octets: bytes) -> str:
    """The text/* parts, one after another; other parts are left out."""
    message = message_from_bytes(octets, policy=compat32)
    return "\n".join(_text(part) for part in message.walk() if part.get_content_maintype() == "text")


def plain(octets: bytes) -> str:
    """The first text/plain part, else any text."""
    message = message_from_bytes(octets, policy=compat32)
    for part in message.walk():
        if part.get_content_type() == "text/plain" and not part.is_multipart():
            return _text(part)
    return decoded(octets)


def _text(part: "Message[str, str]") -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return payload.decode("latin-1")

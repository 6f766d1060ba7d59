"""IMAP's ENVELOPE, ready to be sent (RFC 9051 section 7.5.2)."""

import re

from mailcore.mail.nstring import string

_NAMES = (b"date", b"subject", b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc", b"in-reply-to", b"message-id")
_FIELD = re.compile(
    rb"(?im)^(" + b"|".join(_NAMES) + rb")[ \t]*:((?:[^\r\n]++|\r(?!\n)|\r?\n[ \t])*+)"
)
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_LEXEME = re.compile(
    rb'(?P<space>[ \t\r\n]+)|"(?P<quoted>(?:[^"\\]|\\.)*)"?|(?P<comment>\((?:[^()\\]|\\.|\([^()]*\))*\)?)'
    rb"|(?P<mark>[<>,;:@])|(?P<word>[^ \t\r\n\"(<>,;:@]+)",
    re.DOTALL,
)


def serialize_envelope(block: bytes) -> bytes:
    """The parenthesised list for a header block; fields that are missing are NIL."""
    found: dict[bytes, bytes] = {}
    for m in _FIELD.finditer(block):
        found.setdefault(m[1].lower(), _FOLD.sub(b"", m[2]).strip())
    author = _addresses(found.get(b"from"))
    words = [string(found.get(b"date")), string(found.get(b"subject")), author]
    for name in (b"sender", b"reply-to"):
        given = _addresses(found.get(name))
        words.append(author if given == b"NIL" else given)
    words += [_addresses(found.get(name)) for name in (b"to", b"cc", b"bcc")]
    words += [string(found.get(b"in-reply-to")), string(found.get(b"message-id"))]
    return b"(" + b" ".join(words) + b")"


def _addresses(value: bytes | None) -> bytes:
    if not value:
        return b"NIL"
    found = b"".join(_one(name, local, host) for name, local, host in addresses(value))
    return b"(" + found + b")" if found else b"NIL"


def _one(name: bytes | None, local: bytes | None, host: bytes | None) -> bytes:
    return b"(" + string(name) + b" NIL " + string(local) + b" " + string(host) + b")"


_SIMPLE = re.compile(rb'(?:"([^"\\]*)"|([^"<>,;:()@\\]*?))[ \t]*<([^<>"@\\ ]+)@([^<>"@\\ ,;]+)>')
_BARE = re.compile(rb"[^<>\"@\\ ,;:()]+@[^<>\"@\\ ,;:()]+")

Parts = tuple[bytes | None, bytes | None, bytes | None]


def addresses(value: bytes) -> list[Parts]:
    """Name, local part, host of each; a group starts with (name as local part, no host) and ends with all None."""
    if m := _SIMPLE.fullmatch(value):  # nearly every field
        return [(m[1] or m[2] or None, m[3], m[4])]
    if _BARE.fullmatch(value):
        local, _, host = value.rpartition(b"@")
        return [(None, local, host)]
    return _scan(value)


def _scan(value: bytes) -> list[Parts]:
    found: list[Parts] = []
    words: list[bytes] = []
    comment: bytes | None = None
    spec: list[bytes] | None = None
    done: bytes | None = None
    in_group = False

    def close() -> None:
        nonlocal words, comment, spec, done
        text = done if done is not None else b"".join(words)
        name = b" ".join(words) if done is not None else comment
        if text:
            local, at, host = text.rpartition(b"@")
            found.append((name or None, local if at else text, host))
        words, comment, spec, done = [], None, None, None

    for m in _LEXEME.finditer(value):
        mark = m["mark"]
        if m["space"]:
            continue
        if m["comment"]:
            comment = m["comment"].strip(b"()")
        elif mark == b"<":
            spec = []
        elif mark == b">" and spec is not None:
            text = b"".join(spec)
            done = text.rpartition(b":")[2] if text.startswith(b"@") else text  # a source route is dropped
            spec = None
        elif mark == b":" and spec is None and not in_group:
            found.append((None, b" ".join(words), None))
            words, in_group = [], True
        elif mark == b";" and spec is None:
            close()
            if in_group:
                found.append((None, None, None))
                in_group = False
        elif mark == b"," and spec is None:
            close()
        else:
            word = m["word"] or mark or b""
            if m["quoted"] is not None:
                word = re.sub(rb"\\(.)", rb"\1", m["quoted"])
            if spec is not None:
                spec.append(word)
            elif words and (mark == b"@" or words[-1].endswith(b"@")):
                words[-1] += word
            else:
                words.append(word)
    close()
    if in_group:
        found.append((None, None, None))
    return found

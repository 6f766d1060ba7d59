"""envelope (RFC 5228 section 5.4)."""

import re

from sieve.addrspec import quoted_local, unquoted_local
from sieve.builder import Builder, Extension, TestDef
from sieve.core import address_part
from sieve.interpreter import Check, State
from sieve.message import Address
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.signature import Bound, Kind, Signature

_PARTS = ("from", "to", "auth")
_OPTIONS = ("notify", "orcpt", "ret", "envid")  # RFC 6009 section 4


_PATH = re.compile(
    r"""(?:@[\w-]+(?:\.[\w-]+)*(?:,@[\w-]+(?:\.[\w-]+)*)*:)?"""  # a source route (RFC 5321 section 4.1.2), which says nothing
    r"""(?P<local>[^\s"(),:;<>@\[\\\]\x00-\x1f\x7f]+|"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*")"""
    r"""(?:@(?P<domain>[\w-]+(?:\.[\w-]+)*|\[[^\s\[\]\\]+\]))?"""
)


def read_path(path: str) -> Address | None:
    """A reverse or forward path, with or without `<>`, or None.  Dots in odd places and `_` in domains do occur."""
    if path.startswith("<") != path.endswith(">"):
        return None
    bare = path[1:-1] if path.startswith("<") else path
    if not bare:
        return Address("", "", "")
    found = _PATH.fullmatch(bare)
    if not found:
        return None
    local, domain = unquoted_local(found["local"]), found["domain"] or ""
    written = quoted_local(local) if found["local"].startswith('"') else local
    return Address(f"{written}@{domain}" if domain else written, local, domain)


def _envelope(build: Builder, bound: Bound) -> Check:
    for name in bound.strings("envelope parts"):
        fixed = build.constant(name, bound.line)
        if fixed is None or fixed.lower() in _PARTS:
            continue
        if fixed.lower() not in _OPTIONS or "envelope-dsn" not in build.required:
            raise ScriptError(bound.line, Phrase("the envelope has no '%(fixed)s'; it has from and to", fixed=fixed))
    names = build.texts(bound.strings("envelope parts"), bound.line)
    part = address_part(build, bound)
    matcher = build.matcher(bound, bound.strings("keys"))

    def check(state: State) -> bool:
        found = []
        for name in names(state):
            match name.lower():
                case "from":
                    path = state.message.envelope_from
                case "to":
                    path = state.message.envelope_to
                case "auth":
                    path = state.message.envelope_auth
                    if not path:
                        continue
                case option:
                    value = state.message.envelope_option(option) if option in _OPTIONS else None
                    found += [value] if value is not None else []
                    continue
            address = read_path(path)
            if address is not None and (text := part(address)) is not None:
                found.append(text)
        return matcher(state, found)

    return check


EXTENSION = Extension(
    "envelope",
    tests={
        "envelope": TestDef(
            Signature(
                (("envelope parts", Kind.STRINGS), ("keys", Kind.STRINGS)),
                families=("match", "part"),
            ),
            _envelope,
        )
    },
)

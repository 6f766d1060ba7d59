"""extlists (RFC 6134): lists stored elsewhere, such as the address book."""

from sieve.builder import Builder, Extension, TestDef
from sieve.interpreter import Check
from sieve.signature import Bound, Kind, Signature, TagSpec


def _valid(build: Builder, bound: Bound) -> Check:
    names = build.texts(bound.strings("list names"), bound.line)
    return lambda state: all(state.message.list_exists(name) for name in names(state))


EXTENSION = Extension(
    "extlists",
    tests={"valid_ext_list": TestDef(Signature((("list names", Kind.STRINGS),)), _valid)},
    tags={"match": {"list": TagSpec(group="match")}, "redirect": {"list": TagSpec()}},
)

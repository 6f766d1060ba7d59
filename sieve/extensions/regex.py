"""regex (draft-ietf-sieve-regex): the match type `:regex`, and `:quoteregex` of `set`; the engine is sieve.regex."""

from sieve.builder import Extension
from sieve.signature import TagSpec

EXTENSION = Extension(
    "regex", tags={"match": {"regex": TagSpec(group="match")}, "set": {"quoteregex": TagSpec(group="20")}}
)

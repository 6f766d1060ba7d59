"""regex (draft-ietf-sieve-regex): the match type `:regex`, and `:quoteregex` of `set`; the engine is sieve.regex."""

from sieve.signature import Extension, TagSpec

EXTENSION = Extension(
    "regex", tags={"match": {"regex": TagSpec(group="match")}, "set": {"quoteregex": TagSpec(group="20")}}
)

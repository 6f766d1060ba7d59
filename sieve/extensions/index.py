"""index (RFC 5260 section 6): one field of several with the same name; see sieve.core.picker."""

from sieve.builder import Extension
from sieve.signature import Kind, TagSpec

INDEX_TAGS = {"index": TagSpec(Kind.NUMBER), "last": TagSpec()}
EXTENSION = Extension("index", tags=dict.fromkeys(("header", "address", "date"), INDEX_TAGS))

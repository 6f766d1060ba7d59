""":value and :count (RFC 5231).  The comparing itself stands in sieve.matchers."""

from sieve.builder import Extension
from sieve.signature import Kind, TagSpec

EXTENSION = Extension(
    "relational",
    tags={
        "match": {
            "value": TagSpec(Kind.STRING, group="match"),
            "count": TagSpec(Kind.STRING, group="match"),
        }
    },
)

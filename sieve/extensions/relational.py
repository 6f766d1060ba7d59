""":value and :count (RFC 5231).  The comparing itself stands in sieve.builder."""

from sieve.signature import Extension, Kind, TagSpec

EXTENSION = Extension(
    "relational",
    tags={
        "match": {
            "value": TagSpec(Kind.STRING, group="match"),
            "count": TagSpec(Kind.STRING, group="match"),
        }
    },
)

""":user and :detail (RFC 5233), cut at the first "+".  The cutting stands in sieve.core."""

from sieve.signature import Extension, TagSpec

EXTENSION = Extension(
    "subaddress",
    tags={"part": {"user": TagSpec(group="part"), "detail": TagSpec(group="part")}},
)

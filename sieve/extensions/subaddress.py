""":user and :detail (RFC 5233), cut at the first "+".  The cutting stands in sieve.core."""

from sieve.builder import Extension
from sieve.signature import TagSpec

EXTENSION = Extension(
    "subaddress",
    tags={"part": {"user": TagSpec(group="part"), "detail": TagSpec(group="part")}},
)

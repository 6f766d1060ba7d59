"""envelope-dsn and redirect-dsn (RFC 6009): delivery status notifications asked for and asking for them."""

from sieve.builder import Extension
from sieve.signature import Kind, TagSpec

ENVELOPE = Extension("envelope-dsn", implies=("envelope",))
REDIRECT = Extension("redirect-dsn", tags={"redirect": {"notify": TagSpec(Kind.STRINGS), "ret": TagSpec(Kind.STRING)}})

""":copy for fileinto and redirect (RFC 3894): the implicit keep stands."""

from sieve.signature import Extension, TagSpec

EXTENSION = Extension("copy", tags={"fileinto": {"copy": TagSpec()}, "redirect": {"copy": TagSpec()}})

""":copy for fileinto and redirect (RFC 3894): the implicit keep stands."""

from sieve.builder import Extension
from sieve.signature import TagSpec

EXTENSION = Extension("copy", tags={"fileinto": {"copy": TagSpec()}, "redirect": {"copy": TagSpec()}})

"""Organisations behind names of hosts, by the public suffix list (RFC 7489 section 3.2)."""

from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList


@cache
def load_suffixes() -> PublicSuffixList:
    """Read the list, which takes a tenth of a second the first time."""
    return PublicSuffixList()


@lru_cache(maxsize=4096)
def organisational(domain: str) -> str:
    """Find the organisational domain by the public suffix list alone."""
    return load_suffixes().privatesuffix(domain) or domain

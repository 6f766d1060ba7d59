"""Organisations behind names of hosts, by the public suffix list (RFC 7489 section 3.2)."""

from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=4096)
def organisational(domain: str) -> str:
    """Find the organisational domain by the public suffix list alone."""
    return _suffixes().privatesuffix(domain) or domain

"""Keywords of messages (RFC 9051 section 9, flag-keyword): which words may be one, whoever brings them."""

import re

# An atom without "]", which ends a response code, as long as STORE takes it.
_KEYWORD = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]{1,100}")


def is_keyword(text: str) -> bool:
    """May the mailbox keep it?"""
    return _KEYWORD.fullmatch(text) is not None


def as_keyword(text: str) -> str:
    """Turn a label of people into a keyword: blanks become `_`; "" where that makes none."""
    word = "_".join(text.split())
    return word if is_keyword(word) else ""

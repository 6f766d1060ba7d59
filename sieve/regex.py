"""Regular expressions of scripts, by RE2: linear in the text whatever the pattern, so no script can hang a delivery."""

from functools import lru_cache
from typing import Any

import re2

from sieve.parser import ScriptError
from sieve.phrase import Phrase

MAX_MEMORY = 2**20  # octets of one compiled pattern


@lru_cache(maxsize=256)
def pattern(text: str, ignore_case: bool) -> Any:  # Any: re2 has no types
    """Raises ValueError for what is no pattern."""
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.max_mem = MAX_MEMORY
    options.log_errors = False
    options.dot_nl = True
    try:
        return re2.compile(text, options)
    except (re2.error, UnicodeError) as problem:
        raise ValueError(str(problem)) from None


def fixed(text: str, ignore_case: bool, line: int) -> Any:  # Any: re2 has no types
    """The pattern of a constant.  Raises ScriptError for what is no pattern."""
    try:
        return pattern(text, ignore_case)
    except ValueError as problem:
        raise ScriptError(
            line, Phrase("'%(text)s' is not a regular expression: %(problem)s", text=text, problem=problem)
        ) from None


_SPECIAL = str.maketrans({one: "\\" + one for one in r"\^$.|?*+()[]{}"})


def quoted(text: str) -> str:
    """`:quoteregex` of `set`."""
    return text.translate(_SPECIAL)

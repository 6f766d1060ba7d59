"""Spam and virus results that earlier checkers wrote into a header, as numbers that scripts compare (RFC 5235).

Read: `X-Spam-Score: 4.2 / 15`, `X-Spam-Status: Yes, score=7.1 required=5.0`, `X-Spamd-Result: default: False [3.20 / 15.00]`,
`X-Spam-Flag: YES`; `X-Virus-Status: Clean|Infected`, `X-Virus-Scanned` (somebody looked, nothing is said).
"""

import re

from mailcore.mail.reading import header

_NUMBER = r"(-?[0-9]{1,5}(?:\.[0-9]{1,5})?)"
_FORMS = (
    ("x-spamd-result", re.compile(rf"\[\s*{_NUMBER}\s*/\s*{_NUMBER}\s*\]")),
    ("x-spam-status", re.compile(rf"\A(?>.*?score={_NUMBER})(?>.*?required={_NUMBER})", re.DOTALL)),
    ("x-spam-score", re.compile(rf"^\s*{_NUMBER}(?:\s*/\s*{_NUMBER})?")),
)
USUAL_LIMIT = 5.0  # SpamAssassin's `required`, where the field does not tell


def read_spam_percent(block: bytes) -> float | None:
    """Read the spam score, 0 to 100, where 100 is surely spam and the checker's own limit is 100; None when nobody looked."""
    for name, form in _FORMS:
        for value in header.values(block, name)[:1]:
            if numbers := form.search(value[:1000]):
                limit = float(numbers[2] or USUAL_LIMIT)
                return min(max(float(numbers[1]) * 100 / limit, 0.0), 100.0) if limit > 0 else 0.0
    for value in header.values(block, "x-spam-flag")[:1]:
        return 100.0 if value.strip().lower() == "yes" else 0.0
    return None


def read_virus_level(block: bytes) -> int:
    """Read the virus level (RFC 5235 section 3.1): 0 not looked at, 1 clean, 5 surely infected."""
    for value in header.values(block, "x-virus-status")[:1]:
        word = value.strip().lower()
        return 5 if word.startswith(("infected", "yes")) else 1 if word.startswith(("clean", "no")) else 0
    return 0

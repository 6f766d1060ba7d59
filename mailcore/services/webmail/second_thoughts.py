"""Ask a writer about what may be overlooked: a file that the text names, an address that nobody reads.

Words of three languages, whatever the writer's is: people write in more than one.  What is quoted or forwarded is somebody
else's text, and what stands below a signature's line is in every message.
"""

import re

from mailcore.errors import MailError
from mailcore.mail.reading.lines import lines_of
from mailcore.services.webmail import compose
from mailcore.services.webmail.compose import Draft

FORGOTTEN_FILE, NO_REPLY = "file", "no-reply"
_FILE = re.compile(
    r"(?i)\b(?:vedlegg(?:et|a|ene)?|vedlag(?:t|te|d|de)|(?:legg|la|lagt|ligg)(?:e?r)? ved|"
    r"attach(?:ed|ing|ments?)|see attached|enclosed|enclosing)\b"
)
_NOBODY = re.compile(
    r"(?i)(?:.*[._+-])?(?:no[._-]?reply|do[._-]?not[._-]?reply|not[._-]?reply|ikk?j?e[._-]?svar|svar[._-]?ikk?j?e)(?:[._+-].*)?"
)
_SIGNATURE, _FORWARDED = ("-- ", "--"), "-----"
MAX_LOOKED_AT = 100_000  # characters


def find_second_thoughts(draft: Draft, *, has_files: bool) -> tuple[str, ...]:
    """Return what to ask before the message goes: FORGOTTEN_FILE, NO_REPLY."""
    found = []
    if not has_files and _FILE.search(_own_words(draft.body)):
        found.append(FORGOTTEN_FILE)
    try:
        people = compose.people(draft)
    except MailError:  # told when it is sent
        people = []
    if any(_NOBODY.fullmatch(spec.rpartition("@")[0][:64]) for _, spec in people):
        found.append(NO_REPLY)
    return tuple(found)


def _own_words(body: str) -> str:
    """Return what stands above a forwarded message, without quotes and the signature, which ends where a quote begins."""
    own, is_signature = [], False
    for line in lines_of(body[:MAX_LOOKED_AT]):
        if line.startswith(_FORWARDED):
            break
        is_signature = (is_signature or line in _SIGNATURE) and not line.startswith(">")
        if not is_signature and not line.startswith(">"):
            own.append(line)
    return "\n".join(own)

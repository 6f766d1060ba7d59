"""Content-Disposition of what the portal sends as files (RFC 6266).  Any name whatever yields a header that servers take.

Names come from strangers: `filename` has printable ASCII only, without what readers of it disagree about (RFC 6266
appendix D), and `filename*` has the name itself in UTF-8, percent-encoded (RFC 8187).
"""

import re
import unicodedata
from urllib.parse import quote

from werkzeug.wrappers import Response

MAX_NAME = 255  # characters; the end of a longer name stays, since it has the ending
_PLAIN = "!#$&+-.^_`|~"  # with letters and digits, what RFC 8187 section 3.2.1 leaves as it is
_TOKEN = re.compile(r"[A-Za-z0-9!#$&+.^_`|~-]+")
_DISPUTED = re.compile(r'[^ -~]|["\\%/]')


def name_file(response: Response, name: str, *, shown: bool = False) -> None:
    """Say what the file is called, and whether a browser may show it by itself."""
    response.headers["Content-Disposition"] = content_disposition(name, shown=shown)


def content_disposition(name: str, *, shown: bool = False) -> str:
    """The value of the field, in ASCII."""
    kind = "inline" if shown else "attachment"
    name = "".join("\ufffd" if unicodedata.category(c) == "Cs" else c for c in name if unicodedata.category(c) != "Cc")
    name = name[-MAX_NAME:].strip() or "file"
    plain = _DISPUTED.sub("_", _without_accents(name)).strip() or "file"
    value = plain if _TOKEN.fullmatch(plain) else f'"{plain}"'
    if plain == name:
        return f"{kind}; filename={value}"
    return f"{kind}; filename={value}; filename*=UTF-8''{quote(name, safe=_PLAIN)}"


def _without_accents(name: str) -> str:
    """For those that read no `filename*`: é as e, what has no such form as it is."""
    return "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))

"""Comments in structured fields (RFC 5322 section 3.2.2), taken out."""

import re

_SPECIAL = re.compile(r"\\.|[()]", re.DOTALL)


def without_comments(text: str) -> str:
    """Remove comments, which nest, and the backslashes of quoted pairs; an open comment goes to the end."""
    kept: list[str] = []
    depth = at = 0
    for found in _SPECIAL.finditer(text):
        if not depth:
            kept.append(text[at : found.start()])
        at = found.end()
        if found[0] == "(":
            depth += 1
        elif found[0] == ")":
            depth = max(0, depth - 1)
        elif not depth:
            kept.append(found[0][1:])
    return "".join(kept) + (text[at:] if not depth else "")

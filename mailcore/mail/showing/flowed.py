"""Lines that were broken for transport only, put together again (RFC 3676 section 4)."""

_SIGNATURE = "-- "  # RFC 3676 section 4.3: always a line of its own, never part of a paragraph


def unflowed(written: str, *, delsp: bool = False) -> str:
    """Join the paragraphs, a line each, with what is quoted behind as many `>` as it was.

    An empty line ends a paragraph and stays: many programs leave the space at the end of what they meant to be the last line.

    Args:
        written: lines that end with LF.
        delsp: the space before a soft line break is not part of the text (`DelSp=yes`).
    """
    paragraphs: list[tuple[int, list[str]]] = []
    flows_on = -1  # how deep the paragraph is quoted that goes on
    for line in written.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")  # space-stuffing (section 4.4)
        is_signature = content.rstrip("\r") == _SIGNATURE
        flows = content.endswith(" ") and not is_signature
        if flows and delsp:
            content = content[:-1]
        if flows_on == depth and content and not is_signature:
            paragraphs[-1][1].append(content)
        else:
            if flows_on >= 0:  # nothing of its own goes on: its last space is no word's
                paragraphs[-1][1][-1] = paragraphs[-1][1][-1].rstrip(" ")
            paragraphs.append((depth, [content]))
        flows_on = depth if flows else -1
    return "\n".join((">" * depth + " " if depth else "") + "".join(pieces) for depth, pieces in paragraphs)

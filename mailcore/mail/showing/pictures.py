"""Pictures that any browser shows, known by their own octets and never by what they are called."""

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def kind_of(octets: bytes) -> str | None:
    """Recognise the type of a picture; None for what is none of these."""
    for beginning, kind in _BEGINNINGS:
        if octets.startswith(beginning):
            return kind
    if octets[:4] == b"RIFF" and octets[8:12] == b"WEBP":
        return "image/webp"
    if octets[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    if octets[:2] == b"BM" and octets[6:10] == bytes(4):
        return "image/bmp"
    return None

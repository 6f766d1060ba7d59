"""TNEF streams for tests (MS-OXTNEF): written here, as nobody sends them from where the tests run."""

SIGNATURE = b"\x78\x9f\x3e\x22\x01\0"


def attribute(level: int, name: int, octets: bytes) -> bytes:
    check = (sum(octets) & 0xFFFF).to_bytes(2, "little")
    return bytes([level]) + name.to_bytes(4, "little") + len(octets).to_bytes(4, "little") + octets + check


def stream(*attributes: bytes) -> bytes:
    return SIGNATURE + b"".join(attributes)


def text8(octets: bytes) -> bytes:
    """One value of variable length."""
    return b"\1\0\0\0" + len(octets).to_bytes(4, "little") + octets + b"\0" * (-len(octets) % 4)


def utf16(text: str) -> bytes:
    return text8(f"{text}\0".encode("utf-16-le"))


def prop(kind: int, id_: int, value: bytes, *, guid: int | None = None) -> bytes:
    named = b"" if guid is None else bytes([guid]) * 16 + b"\0\0\0\0\1\0\0\0"
    return kind.to_bytes(2, "little") + id_.to_bytes(2, "little") + named + value


def by_name(name: str, kind: int, value: bytes) -> bytes:
    octets = f"{name}\0".encode("utf-16-le")
    named = b"\7" * 16 + b"\1\0\0\0" + len(octets).to_bytes(4, "little") + octets + b"\0" * (-len(octets) % 4)
    return kind.to_bytes(2, "little") + b"\1\x80" + named + value


def properties(*found: bytes) -> bytes:
    return len(found).to_bytes(4, "little") + b"".join(found)


def winmail_file(name: str, octets: bytes, *, long_name: str = "", kind: str = "", embedded: bytes = b"") -> bytes:
    more = [prop(0x001F, 0x3707, utf16(long_name))] if long_name else []
    more += [prop(0x001E, 0x370E, text8(f"{kind}\0".encode()))] if kind else []
    more += [prop(0x000D, 0x3701, text8(b"\7" * 16 + embedded))] if embedded else []
    return (
        attribute(2, 0x9002, b"\0" * 14)
        + attribute(2, 0x8010, f"{name}\0".encode("cp1252"))
        + (attribute(2, 0x800F, octets) if octets else b"")
        + (attribute(2, 0x9005, properties(*more)) if more else b"")
    )

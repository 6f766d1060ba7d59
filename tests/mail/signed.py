"""CMS SignedData around a MIME entity (RFC 5652 section 5.1): as much of it as leads to the content, without a signer."""

DATA, SIGNED_DATA = bytes.fromhex("06092a864886f70d010701"), bytes.fromhex("06092a864886f70d010702")


def tagged(tag: int, octets: bytes) -> bytes:
    return bytes([tag, 0x84]) + len(octets).to_bytes(4, "big") + octets


def signed(entity: bytes) -> bytes:
    content = tagged(0x30, DATA + tagged(0xA0, tagged(0x04, entity)))
    return tagged(0x30, SIGNED_DATA + tagged(0xA0, tagged(0x30, b"\x02\x01\x01" + tagged(0x31, b"") + content)))

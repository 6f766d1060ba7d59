"""winmail.dat: files, texts and messages within it are found; whatever the octets are, nothing is raised and all is bounded."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.mail.reading.rtf_packing import unpacked_rtf
from mailcore.mail.reading.tnef import MAX_FILES, read_tnef
from tests.mail.winmail import attribute, by_name, prop, properties, stream, text8, utf16, winmail_file
from tests.processor import costs_under

# MS-OXRTFCP section 4.1.1.1
PACKED = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
)


def test_files_have_names_types_and_their_octets() -> None:
    packed = read_tnef(
        stream(
            winmail_file("a.txt", b"one", long_name="en lang tittel å.txt", kind="text/plain"),
            winmail_file("b.pdf", b"two"),
        )
    )
    assert packed is not None
    assert [(one.name, one.kind, bytes(one.octets)) for one in packed.files] == [
        ("en lang tittel å.txt", "text/plain", b"one"),
        ("b.pdf", "", b"two"),
    ]


def test_a_text_is_read_in_the_codepage_of_the_stream() -> None:
    packed = read_tnef(
        stream(attribute(1, 0x9007, (1251).to_bytes(4, "little") + b"\0\0\0\0"), attribute(1, 0x8004, b"\xef\xf0\0"))
    )
    assert packed is not None
    assert packed.subject == "пр"


def test_properties_that_come_behind_named_and_manifold_ones_are_found() -> None:
    sent = int((datetime(2026, 1, 2, tzinfo=UTC) - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10**7
    found = properties(
        by_name("Keywords", 0x101F, utf16("x")),
        prop(0x1003, 0x8005, (2).to_bytes(4, "little") + b"\1\0\0\0\2\0\0\0", guid=7),
        prop(0x001F, 0x0037, utf16("Møte")),
        prop(0x001E, 0x0C1A, text8(b"Kari\0")),
        prop(0x001E, 0x0C1F, text8(b"kari@x.example\0")),
        prop(0x0040, 0x0039, sent.to_bytes(8, "little")),
        prop(0x0102, 0x1013, text8(b"<p>Hei</p>")),
    )
    packed = read_tnef(stream(attribute(1, 0x9003, found)))
    assert packed is not None
    assert (packed.subject, packed.sender_name, packed.sender, packed.html) == (
        "Møte",
        "Kari",
        "kari@x.example",
        b"<p>Hei</p>",
    )
    assert packed.sent_at == datetime(2026, 1, 2, tzinfo=UTC)


def test_a_message_within_is_a_stream_of_its_own() -> None:
    inner = stream(attribute(1, 0x8004, b"inni\0"))
    packed = read_tnef(stream(winmail_file("", b"", embedded=inner)))
    assert packed is not None
    assert packed.files[0].is_message
    within = read_tnef(packed.files[0].octets)
    assert within is not None
    assert within.subject == "inni"


def test_packed_rtf_is_the_example_of_its_specification() -> None:
    assert unpacked_rtf(PACKED, 1000) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert unpacked_rtf(PACKED, 10) == b"{\\rtf1\\ans"


@pytest.mark.parametrize("octets", [b"", b"\x78\x9f\x3e\x22"[:3], b"plain text", b"\x22\x3e\x9f\x78\0\0"])
def test_other_octets_are_none(octets: bytes) -> None:
    assert read_tnef(octets) is None


def test_what_was_whole_before_a_break_is_kept() -> None:
    whole = stream(winmail_file("a.txt", b"one"), winmail_file("b.txt", b"two" * 100))
    packed = read_tnef(whole[:-50])
    assert packed is not None
    assert [one.name for one in packed.files] == ["a.txt"]


_LARGE = (2**31).to_bytes(4, "little")
_ENDLESS_RTF = _LARGE * 2 + b"LZFu    " + b"\xff" * 2_000_000
_NAMED = b"\x1e\0\x01\x80" + b"\0" * 16 + b"\1\0\0\0\xff\xff\xff\xff"
HOSTILE = {
    "files": stream(*[winmail_file("a", b"x")] * 5000),
    "attributes": stream(*[attribute(1, 0x8004, b"")] * 400_000),
    "properties": stream(attribute(1, 0x9003, _LARGE + prop(0x0003, 0x0001, b"\0\0\0\0") * 300_000)),
    "values": stream(attribute(1, 0x9003, properties(prop(0x1003, 0x0037, _LARGE)))),
    "names": stream(attribute(1, 0x9003, b"\1\0\0\0" + _NAMED)),
    "rtf": stream(attribute(1, 0x9003, properties(prop(0x0102, 0x1009, text8(_ENDLESS_RTF))))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_streams_cost_little(name: str) -> None:
    with costs_under(2):
        packed = read_tnef(HOSTILE[name])
    assert packed is not None
    assert len(packed.files) <= MAX_FILES


@given(st.binary(max_size=300), st.integers(0, 400), st.binary(max_size=8))
def test_any_octets_are_read_without_an_error(tail: bytes, at: int, noise: bytes) -> None:
    whole = stream(
        winmail_file("a.txt", b"one", long_name="b.txt"),
        attribute(1, 0x9003, properties(prop(0x001F, 0x0037, utf16("x")))),
    )
    read_tnef(b"\x78\x9f\x3e\x22\0\0" + tail)
    read_tnef(whole[:at] + noise + whole[at:])
    read_tnef(whole[:at] + noise + whole[at + len(noise) :])
    unpacked_rtf(b"\x20\0\0\0\xff\0\0\0LZFu\0\0\0\0" + tail, 1000)

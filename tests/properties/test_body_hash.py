"""The body hash taken in blocks is the one that a DKIM library takes of the whole."""

import hashlib
import mmap
import tempfile

import pytest
from dkim.canonicalization import CanonicalizationPolicy
from hypothesis import given
from hypothesis import strategies as st

from mailcore.mail.passing import body_hash
from mailcore.mail.reading import octets

LINES = st.lists(st.text("ab. \t", max_size=6), max_size=12)


def expected(body: bytes, name: bytes, length: int | None) -> bytes:
    whole = CanonicalizationPolicy.from_c_value(b"simple/" + name).canonicalize_body(body)
    return hashlib.sha256(whole if length is None else whole[:length]).digest()


@pytest.mark.parametrize("relaxed", [True, False])
@given(LINES, st.integers(1, 9), st.one_of(st.none(), st.integers(0, 30)), st.sampled_from(["", "\r\n", "x", " "]))
def test_blocks_never_matter(relaxed, lines, block, length, last):
    body = ("".join(line + "\r\n" for line in lines) + last).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body_hash, "BLOCK", block)
        found = body_hash.body_hash(b"head" + body, 4, relaxed=relaxed, length=length)
    assert found == expected(body, b"relaxed" if relaxed else b"simple", length)


@given(st.binary(max_size=200), st.integers(1, 9))
def test_octets_are_counted_in_a_file_as_in_memory(content, block):
    with tempfile.TemporaryFile() as file:
        file.write(b"start" + content)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, pytest.MonkeyPatch.context() as patch:
            patch.setattr(octets, "BLOCK", block)
            assert octets.count(mapped, b"\n", 5, len(mapped)) == content.count(b"\n")
            octets.forget(mapped)
            assert mapped[5:] == content

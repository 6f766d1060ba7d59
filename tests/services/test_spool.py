"""A message on its way in through a file."""

import contextlib
import hashlib
import threading

import pytest

from mailcore.errors import Busy
from mailcore.store.mail.blobs import INSIDE, Blobs
from mailcore.store.objects.files import FileObjects
from tests.mailboxes import stored_files


@pytest.fixture
def blobs(tmp_path) -> Blobs:
    return Blobs(FileObjects(tmp_path), tmp_path / "spool")


def spooled(blobs: Blobs, octets: bytes, border: int = 1000):
    spool = blobs.spool(border)
    for at in range(0, len(octets), 700):
        spool.add(octets[at : at + 700])
        if spool.must_flush:
            spool.flush()
    return spool


def files(blobs: Blobs) -> tuple[int, int]:
    """Blobs, and what is on its way."""
    return len(stored_files(blobs)), len(list(blobs._spool.glob("*")))


@pytest.mark.parametrize("size", [0, 500, 5000, INSIDE, INSIDE + 1, 1_000_000])
def test_what_is_kept_is_what_came(blobs, size):
    octets = (b"Subject: x\r\n\r\n" + b"line\r\n" * (size // 6 + 1))[:size]
    prepared = blobs.prepare_spool(spooled(blobs, octets))
    assert (prepared.octets[:], prepared.name) == (octets, hashlib.sha256(octets).digest())
    assert prepared.derived == blobs.prepare(octets).derived
    assert (prepared.name, prepared.size) == (hashlib.sha256(octets).digest(), size)
    assert files(blobs) == (int(size > INSIDE), 0)
    if size > INSIDE:
        assert blobs.objects.read(prepared.name, 0, size) == octets


def test_the_same_octets_stand_there_once(blobs):
    octets = b"x" * 300_000
    first, second = blobs.prepare_spool(spooled(blobs, octets)), blobs.prepare_spool(spooled(blobs, octets))
    assert first.name == second.name
    assert second.octets[:10] == b"x" * 10  # of a file that has no name any more
    assert files(blobs) == (1, 0)


def test_what_is_discarded_leaves_nothing_and_takes_nothing_more(blobs):
    spool = spooled(blobs, b"x" * 300_000)
    spool.discard()
    spool.discard()
    assert files(blobs) == (0, 0)
    spool.add(b"y" * 2000)
    with pytest.raises(Busy):
        spool.flush()
    assert files(blobs) == (0, 0)


def test_a_peer_that_is_gone_while_its_octets_are_written(blobs):
    """Discarded by the loop, written by a thread: no descriptor is used after it was closed."""
    for _ in range(50):
        spool = blobs.spool(0)
        spool.add(b"x" * 200_000)
        spool.flush()
        spool.add(b"y" * 200_000)

        def write(spool=spool) -> None:
            with contextlib.suppress(Busy):
                for _ in range(1000):
                    spool.add(b"z" * 1000)
                    spool.flush()

        thread = threading.Thread(target=write)
        thread.start()
        spool.discard()
        thread.join()
    assert files(blobs) == (0, 0)


def test_a_folder_that_cannot_be_written_is_temporary(blobs, tmp_path):
    (tmp_path / "spool").write_text("a file in its place")
    with pytest.raises(Busy):
        spooled(blobs, b"x" * 5000)


def test_what_a_killed_process_left_is_swept(blobs, tmp_path):
    spooled(blobs, b"x" * 5000)
    blobs.sweep_spool(grace_seconds=3600)
    assert files(blobs) == (0, 1)
    blobs.sweep_spool(grace_seconds=-1)
    assert files(blobs) == (0, 0)

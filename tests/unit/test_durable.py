"""Files of ours are whole or not there, and only their owner reads them unless they are for everybody."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from mailcore.process import durable


def test_a_file_is_written_in_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "key"
    durable.write_file(path, b"before")
    durable.write_file(path, b"after")
    assert [(file.name, file.read_bytes()) for file in path.parent.iterdir()] == [("key", b"after")]


@pytest.mark.parametrize("mode", [durable.OWNER_ONLY, durable.PUBLIC])
def test_who_may_read_it_does_not_follow_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        durable.write_file(tmp_path / "file", b"octets", mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


@pytest.mark.parametrize("write", [durable.write_file, durable.create_file])
def test_a_disk_that_fails_leaves_what_was_there_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path, bytes], None]
) -> None:
    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "file").write_bytes(b"before")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path / "file", b"after")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("file", b"before")]


def test_of_two_that_create_a_file_the_first_ones_stands(tmp_path: Path) -> None:
    durable.create_file(tmp_path / "key", b"first")
    durable.create_file(tmp_path / "key", b"second")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("key", b"first")]

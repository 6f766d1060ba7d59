"""Files that must survive a power cut have their names on disk, too: fsync of the folder makes a rename or link durable."""

import os
from pathlib import Path

import pytest

from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.services import certificates
from mailcore.services.limits import keys
from mailcore.services.mailauth import dkim_keys


@pytest.mark.parametrize(
    ("folder", "write"),
    [
        ("tls", lambda config: certificates.ensure_certificate(config, Clock())),
        ("keys", lambda config: keys.load_key(config, "test")),
        ("dkim", dkim_keys.ensure_keys),
    ],
    ids=["certificates", "keys", "DKIM"],
)
def test_the_folder_is_synced_after_its_last_change(tmp_path: Path, monkeypatch, folder: str, write) -> None:
    synced: list[tuple[Path, set[str]]] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        if path.is_dir():
            synced.append((path, {one.name for one in path.iterdir()}))
        else:
            assert path.stat().st_size, f"{path.name} is synced before its octets are in it"
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    write(Config(data=str(tmp_path)))
    [place] = [path for path in tmp_path.rglob("*") if path.is_dir() and any(one.is_file() for one in path.iterdir())]
    there = {one.name for one in place.iterdir()}
    assert there
    assert synced[-1] == (place, there)

"""Octets of large messages outside of the database: the same contract on files and on a real S3 server."""

import dataclasses
import hashlib
import os
import resource
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import obstore
import pytest

from mailcore.config import S3, Bucket, Config
from mailcore.errors import Busy, ConfigError
from mailcore.store.objects import outage
from mailcore.store.objects.cache import Cache
from mailcore.store.objects.contract import TURNS, Objects
from mailcore.store.objects.files import FileObjects, map_file
from mailcore.store.objects.opening import open_objects
from mailcore.store.objects.s3 import ONE_PUT, PART, S3Objects
from tests import s3_server
from tests.machine import free_port
from tests.s3_server import S3Server
from tests.tcp_proxy import TcpProxy


@pytest.fixture(scope="module")
def server():
    with s3_server.serving() as running:
        yield running


@pytest.fixture
def bucket(server) -> Bucket:
    return server.new_place()


def settings_of(endpoint: str) -> S3:
    return S3(endpoint, access_key=s3_server.ACCESS, secret_key=s3_server.SECRET, cache="200M")


def objects_of(endpoint: str, bucket: Bucket, cache: Path, limit: int = 200 * 2**20) -> S3Objects:
    return S3Objects(bucket, settings_of(endpoint), Cache(cache, limit))


@pytest.fixture(params=["files", "s3"])
def objects(request, tmp_path) -> Objects:
    if request.param == "files":
        return FileObjects(tmp_path / "blobs")
    server: S3Server = request.getfixturevalue("server")
    return objects_of(server.endpoint, server.new_place(), tmp_path / "cache")


def forget(objects: Objects) -> None:
    """Take away what this machine has of far octets."""
    if isinstance(objects, S3Objects):
        for path in objects._cache._root.glob("??/??/*"):
            path.unlink()


def named(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()


def everything(objects: Objects) -> list[tuple[bytes, int]]:
    return sorted((one.name, one.size) for turn in range(TURNS) for one in objects.list(turn))


SIZES = [1, 200_000, PART, PART + 1, ONE_PUT, ONE_PUT + 1]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_put_comes_back_from_near_and_from_afar(objects, size):
    octets = os.urandom(size)
    name = named(octets)
    assert objects.size(name) is None
    objects.put(name, octets)
    assert objects.near(name)[:] == octets
    assert objects.size(name) == size
    forget(objects)
    assert objects.read(name, size // 2, size // 2 + 10) == octets[size // 2 : size // 2 + 10]
    assert objects.read(name, 0, size + 10) == octets
    objects.fetch([name])
    assert objects.near(name)[:] == octets
    assert everything(objects) == [(name, size)]


@pytest.mark.parametrize("size", [200_000, ONE_PUT + 1])
def test_a_spooled_file_becomes_the_octets(objects, tmp_path, size):
    octets = os.urandom(size)
    file = tmp_path / "in-1"
    file.write_bytes(octets)
    objects.adopt(named(octets), file, octets)
    assert not file.exists()
    assert objects.near(named(octets))[:] == octets
    forget(objects)
    objects.fetch([named(octets)])
    assert objects.near(named(octets))[:] == octets


def test_what_is_there_is_put_again_without_a_word(objects):
    for octets in (b"x" * 1000, b"x" * (ONE_PUT + 1)):
        objects.put(named(octets), octets)
        objects.put(named(octets), octets)
        assert objects.size(named(octets)) == len(octets)


def test_of_eight_who_put_the_same_at_once_one_copy_stays(objects):
    octets = os.urandom(300_000)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: objects.put(named(octets), octets), range(8)))
    assert everything(objects) == [(named(octets), len(octets))]


def test_what_is_removed_is_gone_and_what_is_gone_may_be_removed(objects):
    kept, gone = b"kept" * 1000, b"gone" * 1000
    for octets in (kept, gone):
        objects.put(named(octets), octets)
    objects.remove([named(gone), named(b"never there")])
    objects.remove([])
    assert everything(objects) == [(named(kept), len(kept))]
    objects.fetch([named(gone)])
    with pytest.raises(Busy):
        objects.near(named(gone))
    with pytest.raises(Busy):
        objects.read(named(gone), 0, 10)


def test_a_list_says_when_each_was_written_and_every_turn_has_its_part(objects):
    names = []
    began = time.time()
    for number in range(60):
        octets = b"%d" % number * 100
        names.append(named(octets))
        objects.put(names[-1], octets)
    turns = [[one.name for one in objects.list(turn)] for turn in range(TURNS)]
    assert sorted(name for turn in turns for name in turn) == sorted(names)
    assert sum(bool(turn) for turn in turns) > TURNS // 2
    assert all(began - 60 < one.at < time.time() + 60 for one in objects.list(0))


# S3 alone


def test_octets_that_were_spoiled_on_the_way_are_not_taken(server, bucket, tmp_path):
    octets = os.urandom(300_000)
    objects_of(server.endpoint, bucket, tmp_path / "one").put(named(octets), octets)
    proxy = TcpProxy(server.ports[0], spoil=lambda some: some.replace(octets[150_000:150_010], b"0123456789"))
    try:
        far = objects_of(proxy.endpoint, bucket, tmp_path / "two")
        with pytest.raises(Busy, match="something else"):
            far.fetch([named(octets)])
        assert far.near(named(octets)) is None
        proxy.spoil = lambda some: some
        far.fetch([named(octets)])
        assert far.near(named(octets))[:] == octets
    finally:
        proxy.close()


def test_the_server_refuses_octets_that_are_not_what_we_sent(server, bucket, tmp_path, monkeypatch):
    octets = os.urandom(300_000)
    proxy = TcpProxy(server.ports[0])
    proxy.spoil_sent = lambda some: some.replace(octets[150_000:150_010], b"0123456789")
    try:
        far = objects_of(proxy.endpoint, bucket, tmp_path / "cache")
        with pytest.raises(Busy):
            far.put(named(octets), octets)
        assert objects_of(server.endpoint, bucket, tmp_path / "other").size(named(octets)) is None
    finally:
        proxy.close()


def test_while_the_server_is_away_all_is_busy_at_once_and_then_it_goes_on(server, bucket, tmp_path, monkeypatch):
    assert outage.PAUSE_SECONDS <= 1  # so soon it is asked again
    stands = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(outage, "time", SimpleNamespace(monotonic=lambda: stands.seconds))
    octets = os.urandom(200_000)
    proxy = TcpProxy(server.ports[0])
    try:
        far = objects_of(proxy.endpoint, bucket, tmp_path / "cache")
        far.put(named(octets), octets)
        forget(far)
        proxy.go_away()
        with pytest.raises(Busy):
            far.fetch([named(octets)])
        # nobody else waits for it: it is there again, but is not asked before the pause is over
        proxy.come_back()
        stands.seconds += outage.PAUSE_SECONDS * 0.9
        with pytest.raises(Busy):
            far.put(named(b"more" * 9), b"more" * 9)
        deadline = time.monotonic() + 60
        while True:
            stands.seconds += outage.PAUSE_SECONDS
            try:
                far.fetch([named(octets)])
                break
            except Busy:
                assert time.monotonic() < deadline
        far.put(named(b"more" * 9), b"more" * 9)
        assert far.near(named(octets))[:] == octets
    finally:
        proxy.close()


def test_a_short_pause_is_nobodys_business(server, bucket, tmp_path):
    proxy = TcpProxy(server.ports[0])
    try:
        far = objects_of(proxy.endpoint, bucket, tmp_path / "cache")
        far.put(named(b"one"), b"one")
        proxy.go_away()
        back = threading.Timer(1.0, proxy.come_back)
        back.start()
        far.put(named(b"two"), b"two")
        back.join()
        assert far.size(named(b"two")) == 3
    finally:
        proxy.close()


def test_large_ones_take_no_memory(server, bucket, tmp_path):
    size = 50 * 2**20
    file = tmp_path / "in-1"
    digest = hashlib.sha256()
    with file.open("wb") as out:
        for _ in range(50):
            some = os.urandom(2**20)
            digest.update(some)
            out.write(some)
    far = objects_of(server.endpoint, bucket, tmp_path / "cache")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    octets = map_file(file)
    assert octets is not None
    far.adopt(digest.digest(), file, octets)
    forget(far)
    far.fetch([digest.digest()])
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert far.size(digest.digest()) == size
    assert far.near(digest.digest()) is not None
    # the parts on their way, and pages of the mapped file that the kernel takes back when it wants them
    assert grown < size + 40 * 2**20


def test_a_cache_keeps_what_was_read_last_and_stays_below_its_limit(server, bucket, tmp_path):
    far = objects_of(server.endpoint, bucket, tmp_path / "cache", limit=1_000_000)
    octets = [os.urandom(100_000) for _ in range(30)]
    for number, one in enumerate(octets):
        far.put(named(one), one)
        os.utime(far._cache.path(named(one)), (number, number))
        if number:
            assert far.near(named(octets[0])) is not None  # read again and again
    held = [path.stat().st_size for path in (tmp_path / "cache").glob("??/??/*")]
    assert sum(held) <= 1_000_000 * 1.1
    assert far.near(named(octets[5])) is None
    far.fetch([named(one) for one in octets[:8]])
    assert far.near(named(octets[5]))[:] == octets[5]


def test_a_cache_that_cannot_be_written_says_why_once_a_minute_and_holds_the_last(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("mailcore.store.objects.cache.HELD_OCTETS", 10)
    (tmp_path / "cache").write_text("no folder")
    cache = Cache(tmp_path / "cache", 1_000_000)
    for octets in (b"first", b"second", b"larger than all of it"):
        cache.fill(named(octets), lambda octets=octets: [octets[:3], octets[3:]])
        assert cache.find(named(octets)) == octets
    assert cache.find(named(b"second")) is None
    with pytest.raises(Busy):
        cache.fill(named(b"x"), lambda: [b"y"])
    cache.save(named(b"x"), b"x")
    assert cache.find(named(b"x")) is None
    assert [record.getMessage() for record in caplog.records] == [
        f"the cache {tmp_path / 'cache'} cannot be written: Not a directory"
    ]


def test_octets_that_are_nowhere_are_told_apart_from_a_folder_that_is_gone(tmp_path):
    def nowhere() -> Iterator[bytes]:
        yield b"x"
        raise FileNotFoundError

    for root in (tmp_path / "good", tmp_path / "file" / "below"):
        (tmp_path / "file").write_text("no folder")
        with pytest.raises(FileNotFoundError):
            Cache(root, 1_000_000).fill(named(b"x"), nowhere)


def test_many_who_want_the_same_wait_for_one_download(server, bucket, tmp_path, monkeypatch):
    octets = os.urandom(1_000_000)
    objects_of(server.endpoint, bucket, tmp_path / "one").put(named(octets), octets)
    asked = []
    real = S3Objects._range

    def count(self, name, start, stop):
        asked.append(start)
        return real(self, name, start, stop)

    monkeypatch.setattr(S3Objects, "_range", count)
    nodes = [objects_of(server.endpoint, bucket, tmp_path / "two") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda node: node.fetch([named(octets)]), nodes))
    assert len(asked) == 1
    assert nodes[0]._cache.path(named(octets)).stat().st_mode & 0o77 == 0
    assert all(node.near(named(octets))[:] == octets for node in nodes)


def test_what_a_killed_process_was_downloading_is_taken_up_or_removed(server, bucket, tmp_path):
    octets = os.urandom(100_000)
    far = objects_of(server.endpoint, bucket, tmp_path / "cache")
    far.put(named(octets), octets)
    path = far._cache.path(named(octets))
    path.rename(path.with_name(path.name + ".part"))
    far.fetch([named(octets)])
    assert far.near(named(octets))[:] == octets
    left = path.with_name("00" * 32 + ".part")
    left.write_bytes(b"half")
    os.utime(left, (1, 1))
    far.tidy(100)
    assert not left.exists()


# what is said at the start


def list_keys(server, bucket: Bucket, folder: Path) -> list[str]:
    """List all that stands in a bucket below its prefix, what is no message too."""
    store = objects_of(server.endpoint, bucket, folder)._store
    return [str(item["path"]) for page in obstore.list(store) for item in page]


def test_a_bucket_is_claimed_once_and_by_one(server, bucket, tmp_path):
    objects_of(server.endpoint, bucket, tmp_path).claim("a" * 64)
    objects_of(server.endpoint, bucket, tmp_path).claim("a" * 64)
    with pytest.raises(ConfigError, match="belongs to another installation"):
        objects_of(server.endpoint, bucket, tmp_path).claim("b" * 64)
    other = S3Objects(server.new_place(), settings_of(server.endpoint), Cache(tmp_path, 1))
    other.claim("b" * 64)
    assert everything(other) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"access_key": s3_server.READER, "secret_key": s3_server.READER_SECRET}, "the keys need to get, put, list"),
        ({"secret_key": "wrong"}, "refuses us"),
        ({"access_key": "nobody"}, "refuses us"),
    ],
)
def test_keys_without_rights_are_told_in_one_line(server, bucket, tmp_path, change, words):
    settings = dataclasses.replace(settings_of(server.endpoint), **change)
    with pytest.raises(ConfigError, match=words) as told:
        S3Objects(bucket, settings, Cache(tmp_path, 1)).claim("a" * 64)
    assert "\n" not in str(told.value)
    assert settings.secret_key not in str(told.value)
    assert list_keys(server, bucket, tmp_path) == []


def test_a_bucket_that_is_not_there_is_told_in_one_line(server, tmp_path):
    with pytest.raises(ConfigError, match="is not there") as told:
        S3Objects(Bucket("no-such-bucket", ""), settings_of(server.endpoint), Cache(tmp_path, 1)).claim("a" * 64)
    assert "\n" not in str(told.value)


def test_a_server_that_knows_no_put_if_absent_is_refused(server, bucket, tmp_path, monkeypatch):
    """Such a server takes a second PUT as it took the first; here the condition gets lost on the way."""
    real = obstore.put
    monkeypatch.setattr(obstore, "put", lambda *args, mode=None, **words: real(*args, **words))
    with pytest.raises(ConfigError, match="does not know If-None-Match"):
        objects_of(server.endpoint, bucket, tmp_path).claim("a" * 64)
    assert list_keys(server, bucket, tmp_path) == []


def test_a_server_that_is_not_there_is_busy(tmp_path):
    with pytest.raises(Busy):
        objects_of(f"http://127.0.0.1:{free_port()}", Bucket("bucket", ""), tmp_path).claim("a" * 64)


def test_the_configuration_opens_either(tmp_path):
    assert isinstance(open_objects(Config(data=str(tmp_path))), FileObjects)
    far = open_objects(Config(data=str(tmp_path), blobs="s3://bucket/a/prefix", s3=settings_of("http://127.0.0.1:1")))
    assert isinstance(far, S3Objects)

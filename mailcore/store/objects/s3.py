"""Objects of an S3 server as `PREFIX/ab/cd/<sha256>`, by obstore, with a cache on this machine's disk.

A PUT says If-None-Match, so that what is there stays as it is, and carries its SHA-256, which the server checks (header
x-amz-checksum-sha256).  What comes back is checked against its name.  A request that fails is tried again for some seconds;
then all that is asked is Busy until the server answers again (outage.py), and peers hear 451 or NO [UNAVAILABLE].
"""

import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from mailcore.config import S3, Bucket
from mailcore.errors import Busy, ConfigError, OctetsMissing
from mailcore.mail.reading.octets import Octets
from mailcore.store.objects.cache import Cache
from mailcore.store.objects.contract import TURNS, StoredObject
from mailcore.store.objects.outage import Outage

if TYPE_CHECKING:
    from obstore.store import S3Config

T = TypeVar("T")
log = logging.getLogger(__name__)

ONE_PUT = 16 * 2**20  # octets; what is larger goes in parts
PART = 8 * 2**20  # of a large one, up and down
PARTS_AT_ONCE = 2
DOWNLOADS = 4  # at once, for one who asks for many
RETRY = timedelta(seconds=6)  # in all: a sender waits
REQUEST = timedelta(seconds=20)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(milliseconds=100), timedelta(seconds=1)
OWNER = "alumnimail-owner"
PREFIXES = 256
MISSING_SECONDS, MOST_MISSING = 60, 10_000
_FORBIDDEN = "status code: 403"


class S3Objects:
    """The `Objects` of all nodes."""

    is_far = True

    def __init__(self, bucket: Bucket, settings: S3, cache: Cache) -> None:
        self._bucket, self._cache, self._outage = bucket, cache, Outage()
        self._missing: dict[bytes, float] = {}  # until when they are not asked for again
        given: S3Config = {"region": settings.region, "checksum_algorithm": "sha256"}
        if settings.endpoint:
            given["endpoint"] = settings.endpoint
        if settings.access_key:
            given["access_key_id"], given["secret_access_key"] = settings.access_key, settings.secret_key
        try:
            self._store = S3Store(
                bucket.name,
                prefix=bucket.prefix or None,
                config=given,
                client_options={
                    "allow_http": True,  # what is trusted is said by the setting, not by us
                    "timeout": REQUEST,
                    "connect_timeout": timedelta(seconds=3),
                    "user_agent": "alumnimail",
                },
                retry_config={
                    "max_retries": 10,
                    "retry_timeout": RETRY,
                    "backoff": {"init_backoff": FIRST_PAUSE, "max_backoff": LONGEST_PAUSE, "base": 2},
                },
            )
        except BaseError as problem:
            raise ConfigError(f"s3: {_in_one_line(problem)}") from None

    def put(self, name: bytes, octets: Octets) -> None:
        self._put(name, octets)
        self._cache.save(name, octets)

    def adopt(self, name: bytes, file: Path, octets: Octets) -> None:
        self._put(name, octets)
        self._cache.adopt(name, file, len(octets))

    def _put(self, name: bytes, octets: Octets) -> None:
        key = _key(name)
        if len(octets) <= ONE_PUT:
            with contextlib.suppress(AlreadyExistsError):
                self._ask(lambda: obstore.put(self._store, key, octets, mode="create", use_multipart=False))
        elif self.size(name) != len(octets):
            # of those who do so at once each writes the same
            self._ask(
                lambda: obstore.put(
                    self._store, key, _parts(octets), use_multipart=True, chunk_size=PART, max_concurrency=PARTS_AT_ONCE
                )
            )

    def near(self, name: bytes) -> Octets | None:
        octets = self._cache.find(name)
        if octets is None and self._missing.get(name, 0) > time.monotonic():
            raise OctetsMissing(f"the octets of {name.hex()} are not in the bucket")
        return octets

    def fetch(self, names: Sequence[bytes]) -> None:
        def fetch_one(name: bytes) -> None:
            try:
                self._cache.fill(name, partial(self._download, name))
            except FileNotFoundError:
                log.error("the octets of %s are not in the bucket", name.hex())
                if len(self._missing) >= MOST_MISSING:
                    self._missing.clear()
                self._missing[name] = time.monotonic() + MISSING_SECONDS

        if len(names) == 1:
            fetch_one(names[0])
            return
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            list(pool.map(fetch_one, names))

    def _download(self, name: bytes) -> Iterator[Octets]:
        """Part by part, each of which may be tried again."""
        size, start = 1, 0
        while start < size:
            piece, size = self._range(name, start, start + PART)
            yield piece
            start += PART

    def read(self, name: bytes, start: int, stop: int) -> bytes:
        octets = self._cache.find(name)
        try:
            return self._range(name, start, stop)[0] if octets is None else octets[start:stop]
        except FileNotFoundError:
            raise OctetsMissing(f"the octets of {name.hex()} are not in the bucket") from None

    def _range(self, name: bytes, start: int, stop: int) -> tuple[bytes, int]:
        """Return octets, and the size of the whole.  Raises FileNotFoundError."""

        def ask() -> tuple[bytes, int]:
            answer = obstore.get(self._store, _key(name), options={"range": (start, stop)})
            return bytes(answer.bytes()), answer.meta["size"]

        return self._ask(ask)

    def size(self, name: bytes) -> int | None:
        try:
            return int(self._ask(lambda: obstore.head(self._store, _key(name)))["size"])
        except FileNotFoundError:
            return None

    def is_lost(self, _name: bytes, _size: int) -> bool:
        return False

    def list(self, turn: int) -> Iterator[StoredObject]:
        for number in range(turn % TURNS, PREFIXES, TURNS):
            pages = self._ask(lambda number=number: iter(obstore.list(self._store, f"{number:02x}")))  # type: ignore[misc]  # a default binds it
            while page := self._ask(lambda pages=pages: next(pages, None)):  # type: ignore[misc]
                for item in page:
                    if (name := _name(str(item["path"]))) is not None:
                        yield StoredObject(name, item["size"], item["last_modified"].timestamp())

    def remove(self, names: Sequence[bytes]) -> None:
        if names:
            self._ask(lambda: obstore.delete(self._store, [_key(name) for name in names]))
        for name in names:
            self._cache.remove(name)

    def tidy(self, before: float) -> None:
        self._cache.tidy(before)

    def claim(self, owner: str) -> None:
        """Check that the bucket does all that we need, and that it is nobody else's.

        Raises:
            ConfigError: it does not; the text is one line.
            Busy: it does not answer.
        """
        where = f"blobs: the bucket {self._bucket.name}"
        try:
            self._claim(owner, where)
        except (PermissionDeniedError, UnauthenticatedError) as problem:
            raise ConfigError(
                f"{where} refuses us; the keys need to get, put, list and delete ({_in_one_line(problem)})"
            ) from None
        except FileNotFoundError as problem:
            raise ConfigError(f"{where} is not there ({_in_one_line(problem)})") from None

    def _claim(self, owner: str, where: str) -> None:
        mark = owner.encode()
        there = self._find_owner()
        if there is None:
            # the mark is the last of what is tried: a bucket that is refused is as it was
            self._try_rights(mark, where)
            self._create(OWNER, mark)
            there = self._find_owner()
        elif there == mark:
            self._try_rights(mark, where)
        if there != mark:
            raise ConfigError(f"{where} belongs to another installation; give each a bucket or a prefix of its own")

    def _find_owner(self) -> bytes | None:
        try:
            return bytes(self._try(lambda: obstore.get(self._store, OWNER)).bytes())
        except FileNotFoundError:
            return None

    def _try_rights(self, octets: bytes, where: str) -> None:
        """Put twice, list and delete; nothing is left of the name of its own that is put."""
        store, probe = self._store, f"probe/{secrets.token_hex(16)}"
        self._create(probe, octets)
        overwrites = self._create(probe, octets)
        self._try(lambda: next(iter(obstore.list(store, "00")), None))
        self._try(lambda: obstore.delete(store, [probe]))
        if overwrites:
            raise ConfigError(f"{where} overwrites what is there: its server does not know If-None-Match")

    def _create(self, key: str, octets: bytes) -> bool:
        """Put it if it is not there; says if it was put."""
        try:
            self._try(lambda: obstore.put(self._store, key, octets, mode="create", use_multipart=False))
        except AlreadyExistsError:
            return False
        return True

    def _ask(self, request: Callable[[], T]) -> T:
        """Send a request of the service.

        Raises:
            Busy: it was refused or not answered.
            FileNotFoundError, AlreadyExistsError: what it answered.
        """
        try:
            return self._try(request)
        except (PermissionDeniedError, UnauthenticatedError) as problem:
            log.error("the bucket refused a request: %s", _in_one_line(problem))
            raise Busy("the store of large messages refuses us") from problem

    def _try(self, request: Callable[[], T]) -> T:
        """The same, with refusals as they are."""
        self._outage.check()
        try:
            answer = request()
        except (FileNotFoundError, AlreadyExistsError, PermissionDeniedError, UnauthenticatedError):
            self._outage.end()
            raise
        except BaseError as problem:
            if _FORBIDDEN in str(problem):  # of a list, which has no class of its own for it
                raise PermissionDeniedError(_in_one_line(problem)) from None
            if self._outage.begin():
                log.error("the bucket does not answer: %s", _in_one_line(problem))
            raise Busy("the store of large messages does not answer") from problem
        if self._outage.end():
            log.warning("the bucket answers again")
        return answer


def _parts(octets: Octets) -> Iterator[bytes]:
    for at in range(0, len(octets), PART):
        yield octets[at : at + PART]


def _key(name: bytes) -> str:
    text = name.hex()
    return f"{text[:2]}/{text[2:4]}/{text}"


def _name(path: str) -> bytes | None:
    """Return the SHA-256 in a key, None if it is none of ours."""
    last = path.rpartition("/")[2]
    try:
        return bytes.fromhex(last) if len(last) == 64 else None
    except ValueError:
        return None


def _in_one_line(problem: BaseException) -> str:
    """Return the first line, which has no secret in it."""
    return str(problem).split("\n", 1)[0].strip()[:300]

"""Passwords of public breaches, by a list that the site has on its disk: nothing is asked of anybody else (S14).

The list is "Pwned Passwords" in one of the two forms that its downloader writes: a folder with a file for each first five
digits of a SHA-1 (`5BAA6` or `5BAA6.txt`, lines `REST:COUNT`, the form of its k-anonymity), or one file of lines
`SHA1:COUNT` in the order of the hashes, which is searched by halves and never read as a whole.  A count of 0 is padding.
"""

import gzip
import hashlib
import os
from functools import cache
from importlib import resources
from pathlib import Path

from mailcore.config import Config
from mailcore.errors import WeakPassword
from mailcore.log import log_for
from mailcore.saying import Saying
from mailcore.services.credentials.passwords import prepare_password

log = log_for(__name__)
_LONGEST = 64  # characters, more than any of the shipped list has
_PREFIX = 5  # digits of a hash by which the files of the folder are named


def check_breached(config: Config, password: str) -> None:
    """Raises WeakPassword: the password stands in the site's list.  Without one, or if it cannot be read, nothing is."""
    if is_in_site_list(config, password):
        raise WeakPassword(
            Saying("This password has been seen in a breach of another service, so others try it. Choose another one.")
        )


def is_known(config: Config, password: str) -> bool:
    """Say if others try this password: it stands in the shipped list, or in the site's."""
    return is_shipped(password) or is_in_site_list(config, password)


def is_shipped(password: str) -> bool:
    """Say if it is one of the shipped list, which is kept as the text it is: a set of it takes ten times the memory."""
    return len(password) < _LONGEST and b"\n%b\n" % password.lower().encode("utf-8", "replace") in _shipped()


@cache
def _shipped() -> bytes:
    packed = resources.files("mailcore.services.credentials") / "common_passwords.txt.gz"
    return b"\n%b\n" % gzip.decompress(packed.read_bytes()).strip(b"\n")


def is_in_site_list(config: Config, password: str) -> bool:
    """Say if it stands in the site's list."""
    if not config.passwords.breached:
        return False
    path = Path(config.passwords.breached)
    # people everywhere may have typed it in either form
    forms = {form.encode("utf-8", "replace") for form in (password, prepare_password(password))}
    hashes = {hashlib.sha1(octets, usedforsecurity=False).hexdigest().upper() for octets in forms}
    try:
        return any(_is_in_folder(path, one) if path.is_dir() else _is_in_file(path, one) for one in hashes)
    except OSError as problem:
        log.error("passwords.breached cannot be read: %s", problem.strerror)
        return False


def _counts(line: bytes, wanted: bytes) -> bool:
    """line = hash ":" count"""
    digits, _, count = line.strip().partition(b":")
    return digits.upper() == wanted and count.strip() != b"0"


def _is_in_folder(path: Path, digits: str) -> bool:
    for name in (digits[:_PREFIX], f"{digits[:_PREFIX]}.txt"):
        try:
            lines = (path / name).read_bytes().splitlines()
        except FileNotFoundError:
            continue
        return any(_counts(line, digits[_PREFIX:].encode()) for line in lines)
    return False


def _is_in_file(path: Path, digits: str) -> bool:
    wanted = digits.encode()
    with path.open("rb") as file:
        low, high = 0, file.seek(0, os.SEEK_END)
        while low < high:
            middle = (low + high) // 2
            file.seek(max(middle - 1, 0))
            if middle:
                file.readline()  # the rest of the line before
            line = file.readline()
            if line and line[: len(wanted)].upper() < wanted:
                low = file.tell()
            elif _counts(line, wanted):
                return True
            else:
                high = middle
    return False

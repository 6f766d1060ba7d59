"""Give up rights for good, by Linux's Landlock (landlock(7)): no root is needed, and what a process starts has no more than it.

A process says which rights it gives up, then where it keeps some of them; there is no rule that takes away what another one
gives.  So a folder of which a part is hidden is given entry by entry, and what comes to such a folder later is hidden, too.
Only the thread that asks and those that it starts are bound: ask before any other thread runs.

The C library has no functions for the three system calls; they have the same numbers on every architecture.
"""

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1  # flag of the first: which version is it?
_BENEATH, _PORT = 1, 2  # kinds of rules
_O_PATH = getattr(os, "O_PATH", 0)
_PR_SET_NO_NEW_PRIVS = 38
LEAST_VERSION = 2  # Linux 5.19; before it no file could go from one folder to another

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = (1 << bit for bit in range(4))
_CHANGE_FOLDERS = sum(1 << bit for bit in range(4, 13))  # remove and make entries of every kind
REFER, TRUNCATE = 1 << 13, 1 << 14
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
READ = READ_FILE | READ_DIR
WRITE = WRITE_FILE | TRUNCATE | _CHANGE_FOLDERS | REFER
BIND_TCP = 1
SCOPE_ABSTRACT_SOCKETS, SCOPE_SIGNALS = 1, 2


@dataclass(frozen=True, slots=True)
class Rights:
    """Rights that a process keeps.

    Attributes:
        hidden: files and folders that it can neither read nor write; one that is not there yet counts.
        readable, writable: where it may read and write, but for what is hidden.
        ports: on which it may listen (TCP); 0 = any that the kernel chooses.
        speaks: it may connect to sockets without a name in the file system of processes that are bound otherwise.
    """

    hidden: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = (Path("/"),)
    writable: tuple[Path, ...] = (Path("/"),)
    ports: tuple[int, ...] = ()
    speaks: bool = False


def find_version() -> int:
    """Return which version of Landlock the kernel has, 0 = none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, _call(_CREATE_RULESET, None, 0, _VERSION))


def restrict(rights: Rights) -> bool:
    """Give up for good all but these rights; nothing can be executed any more, nor any process outside be traced or ended.

    Returns:
        False where the kernel does not offer that, and nothing has changed.

    Raises:
        OSError: it offers it, and refused.
    """
    version = find_version()
    if version < LEAST_VERSION:
        return False
    files = EXECUTE | READ | WRITE & ~(0 if version >= 3 else TRUNCATE)
    ports = BIND_TCP if version >= 4 else 0
    scopes = (SCOPE_SIGNALS | (0 if rights.speaks else SCOPE_ABSTRACT_SOCKETS)) if version >= 6 else 0
    # each version of the kernel knows more of the structure, and takes a shorter one
    attributes = struct.pack("QQQ", files, ports, scopes)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    rules = _checked(_call(_CREATE_RULESET, attributes, len(attributes), 0))
    try:
        hidden = tuple(Path(os.path.realpath(path)) for path in rights.hidden)
        _keep(rules, Path("/"), READ_DIR)  # names may be listed anywhere: a lock of a folder is one of an open folder
        for paths, access in ((rights.readable, READ & files), (rights.writable, WRITE & files)):
            for path in paths:
                _keep_but(rules, Path(os.path.realpath(path)), access, hidden)
        for port in rights.ports if ports else ():
            _checked(_call(_ADD_RULE, rules, _PORT, struct.pack("QQ", BIND_TCP, port), 0))
        _checked(_load_library().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(_call(_RESTRICT_SELF, rules, 0))
    finally:
        os.close(rules)
    return True


def _keep_but(rules: int, path: Path, access: int, hidden: Iterable[Path]) -> None:
    """Keep rights to all that is below a path, but for what is hidden."""
    below = [each for each in hidden if each.is_relative_to(path)]
    if path in below or any(path.is_relative_to(each) for each in hidden):
        return
    if not below:
        _keep(rules, path, access)
        return
    with contextlib.suppress(OSError):  # a folder that we may not list, or that is gone
        for entry in os.scandir(path):
            if not entry.is_symlink():  # where it leads to has a path of its own
                _keep_but(rules, Path(entry.path), access, hidden)


def _keep(rules: int, path: Path, access: int) -> None:
    """Keep rights to a file, or to all below a folder; what is not there needs none."""
    with contextlib.suppress(FileNotFoundError, PermissionError, NotADirectoryError):
        place = os.open(path, _O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            if not path.is_dir():
                access &= _OF_FILES
            if access:
                _checked(_call(_ADD_RULE, rules, _BENEATH, struct.pack("=Qi", access, place), 0))
        finally:
            os.close(place)


@lru_cache(maxsize=1)
def _load_library() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    return library


def _call(number: int, *arguments: int | bytes | None) -> int:
    values = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return int(_load_library().syscall(ctypes.c_long(number), *values))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"landlock: {os.strerror(number)}")
    return result

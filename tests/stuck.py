"""`alumnimail` whose ManageSieve has commands that hold Python's lock in C code and do not come back.

Spawned processes import this module as their main one, so they have these commands too.
"""

import ctypes
import re

from mailcore.cli import main
from mailcore.managesieve.commands import COMMANDS, Spec
from mailcore.managesieve.context import Context
from mailcore.wire.reader import Reader


async def _match(context: Context, read: Reader) -> bytes:
    re.match("(a+)+$", "a" * 60 + "b")
    return b""


async def _sleep(context: Context, read: Reader) -> bytes:
    ctypes.PyDLL(None).sleep(3600)  # PyDLL keeps the lock
    return b""


COMMANDS[b"MATCH"] = Spec(_match, login=False)
COMMANDS[b"SLEEP"] = Spec(_sleep, login=False)

if __name__ == "__main__":
    main()

"""A world for some rounds, with a name server that may fall silent and a directory that is dead."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import cast

from tests.crash.engines import open_engines
from tests.crash.world import World
from tests.outside import Zone, dns_server, txt

ZONE: Zone = {
    ("outside.example", "A"): ["127.0.0.1"],
    ("outside.example", "TXT"): [txt("v=spf1 ip4:127.0.0.1 -all")],
    ("_dmarc.outside.example", "TXT"): [txt("v=DMARC1; p=none")],
}


@contextmanager
def open_world(folder: Path, *, on_engines: bool = False) -> Iterator[World]:
    """Open it, on SQLite and files or on PostgreSQL and S3.

    Its directory takes connections and never answers: nobody needs one who has a password here.
    """
    silent, broken = list[str](), list[str]()
    given = cast(tuple[str, ...], silent), cast(tuple[str, ...], broken)
    with (
        socket.create_server(("127.0.0.1", 0)) as directory,
        dns_server(ZONE, slow=given[0], broken=given[1]) as dns,
        open_engines() if on_engines else nullcontext() as engines,
    ):
        world = World(folder, dns, silent, broken, directory.getsockname()[1], engines)
        try:
            world.start()
            yield world
        finally:
            world.close()

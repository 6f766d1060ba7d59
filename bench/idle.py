"""Memory of an idle connection: TLS, logged in, a mailbox open, in IDLE.

    python bench/idle.py [CONNECTIONS]                      this server, in one process
    python bench/idle.py [CONNECTIONS] --peer HOST:PORT     another server, by the names of its processes (--names)

Prints KiB for each connection: the growth of anonymous memory (what cannot be given back) of all its processes, shared
pages counted once (Pss).
"""

import argparse
import asyncio
import contextlib
import os
import re
import resource
import signal
import ssl
import tempfile
import time
from pathlib import Path


def anonymous(pids: list[int]) -> int:
    """KiB of anonymous memory, each page once however many processes share it."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        resident = re.search(r"Pss_Anon:\s+(\d+)", text)
        total += int(resident[1]) if resident else 0
    return total


def cpu(pids: list[int]) -> float:
    """Seconds of CPU time."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def named(names: list[str]) -> list[int]:
    pids = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() in names:
                pids.append(int(folder.name))
        except OSError:
            continue
    return pids


TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TRUST.check_hostname, TRUST.verify_mode = False, ssl.CERT_NONE


async def idle(port: int, user: str, password: str, gate: asyncio.Semaphore) -> asyncio.StreamWriter:
    async with gate:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=TRUST, limit=2**14)
        await reader.readline()
        for command in (f'LOGIN {user} "{password}"', "SELECT INBOX"):
            writer.write(f"a {command}\r\n".encode())
            while not (line := await reader.readline()).startswith(b"a "):
                assert line, command
            assert line.startswith(b"a OK"), line
        writer.write(b"b IDLE\r\n")
        assert (await reader.readline()).startswith(b"+")
    return writer


async def many(
    port: int, users: list[str], password: str, pids: list[int] | None, names: list[str], rounds: int
) -> None:
    gate = asyncio.Semaphore(20)
    # What is loaded once is loaded now: threads, caches, statements.
    first = list(await asyncio.gather(*(idle(port, users[n % len(users)], password, gate) for n in range(60))))
    before, began, spent = anonymous(pids or named(names)), time.monotonic(), cpu(pids or named(names))
    writers = await asyncio.gather(*(idle(port, users[n % len(users)], password, gate) for n in range(rounds)))
    seconds, busy = time.monotonic() - began, cpu(pids or named(names)) - spent
    await asyncio.sleep(1)
    after = anonymous(pids or named(names))
    print(
        f"{rounds} connections in IDLE: {(after - before) / rounds:.1f} KiB each ({before // 1024} -> {after // 1024} MiB), "
        f"opened in {seconds:.1f} s with {busy:.1f} s of its CPU"
    )
    for writer in [*first, *writers]:
        writer.transport.abort()


def main() -> None:
    ask = argparse.ArgumentParser()
    ask.add_argument("connections", type=int, nargs="?", default=1000)
    ask.add_argument("--peer", default="", help="HOST:PORT of IMAPS")
    ask.add_argument(
        "--names", default="dovecot,imap,imap-login,anvil,auth,stats,config", help="of the peer's processes"
    )
    given = ask.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if given.peer:
        users = [f"user{n}" for n in range(1, 101)]
        names = given.names.split(",")
        asyncio.run(many(int(given.peer.rpartition(":")[2]), users, "pass", None, names, given.connections))
        return
    from tests.journeys.conftest import PASSWORD, House, Sink

    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        house = House(Path(folder), Sink(), workers=0)
        house.start()
        assert house.process is not None
        try:
            users = [f"u{n}" for n in range(10)]
            for user in users:
                house.run("user", "add", user, "--password-stdin", given=PASSWORD + "\n")
            asyncio.run(many(house.ports["imaps"], users, PASSWORD, [house.process.pid], [], given.connections))
        finally:
            os.killpg(house.process.pid, signal.SIGKILL)


if __name__ == "__main__":
    import sys

    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()

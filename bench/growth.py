"""Costs of a mailbox as it grows: one table for 1,000, 10,000, 100,000 and 1,000,000 messages.

The mailboxes are created in the database itself from 1,000 messages of bench/corpus.py; the times are an IMAP client's.
Without `--peer`: nobody waits for a million APPENDs.  `--cluster` measures on PostgreSQL as accounts grow.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import growth_cluster
from corpus import Corpus
from load import Imap, logged_in, timed
from run import ours

from mailcore import core as cores
from mailcore.config_file import load_config
from mailcore.services.accounts import accounts

SIZES = (1000, 10_000, 100_000, 1_000_000)
ROUNDS = 5
# name, what is asked once unmeasured, what is measured; the commands see the mailbox of that size
CASES = {
    "SELECT": "SELECT {box}",
    "FETCH of the last 50": "FETCH {last}:* (UID FLAGS ENVELOPE)",
    "SEARCH UNSEEN (10 are)": "SEARCH UNSEEN",
    "SEARCH SUBJECT": "SEARCH SUBJECT kvernbekk",
    "STORE of one": "STORE {size} +FLAGS.SILENT (\\Flagged)",
    "SORT (REVERSE DATE), asked again": "SORT (REVERSE DATE) UTF-8 ALL",
}


def fill(config: Path) -> None:
    """Boxes of each size in the account user1."""
    core = cores.build(load_config(str(config)))
    try:
        account = accounts.find_account(core, "user1").id
        core.db.write(lambda tx: tx.run("UPDATE account SET quota=0 WHERE id=?", account))
        corpus = Corpus()
        mail = [core.blobs.prepare(corpus.message(number)) for number in range(SIZES[0])]
        seen = frozenset({"\\Seen"})
        names = [box.name for box in core.db.read(lambda tx: core.mail.mailboxes(tx, account))]
        for size in SIZES:
            if f"Box{size}" in names:
                continue
            box = core.db.write(lambda tx, size=size: core.mail.create(tx, account, f"Box{size}")).id
            for one in mail:
                core.db.write(
                    lambda tx, one=one, box=box: core.mail.append(tx, account, box, one, seen, core.clock.now())
                )
            held = len(mail)
            while held < size:
                step = min(held, size - held, 50_000)
                core.db.write(lambda tx, box=box, step=step: core.mail.copy(tx, account, box, [(1, step)], box))
                held += step
            core.db.write(
                lambda tx, box=box, size=size: core.mail.set_flags(tx, box, [(size - 9, size)], "remove", seen)
            )
    finally:
        cores.close(core)


def measure(client: Imap, size: int) -> dict[str, float]:
    """Milliseconds of each case, medians."""
    words = {"box": f"Box{size}", "last": max(1, size - 49), "size": size}
    client.command(f"SELECT Box{size}")
    medians: dict[str, float] = {}
    for name, command in CASES.items():
        text = command.format(**words)
        client.command(text)
        times = []
        for _ in range(ROUNDS):
            if name == "STORE of one":
                client.command(text.replace("+FLAGS", "-FLAGS"))
            times.append(timed(lambda text=text: client.command(text)))
        medians[name] = statistics.median(times) * 1000
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cluster", type=int, metavar="ACCOUNTS", help="on PostgreSQL, as accounts grow (growth_cluster.py)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="of --cluster")
    parser.add_argument("folder", type=Path, nargs="?", help="is kept; else one is made and removed")
    args = parser.parse_args()
    if args.cluster:
        growth_cluster.main(args)
        return
    with tempfile.TemporaryDirectory(prefix="bench") as made:
        folder = args.folder or Path(made)
        folder.mkdir(exist_ok=True)
        with ours(folder, 1):
            pass  # makes the accounts
        fill(folder / "bench.toml")
        with ours(folder, 1) as target:
            client = logged_in(target, "user1")
            columns = {size: measure(client, size) for size in SIZES}
            client.close()
    print("| milliseconds | " + " | ".join(f"{size:,}" for size in SIZES) + " |")
    print("|---|" + "---:|" * len(SIZES))
    for name in CASES:
        print(f"| {name} | " + " | ".join(f"{columns[size][name]:.1f}" for size in SIZES) + " |")


if __name__ == "__main__":
    main()

"""`make crash`: rounds of faults with a line for each; ends with the first promise that was not kept."""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.faults import ENGINE_FAULTS, FAULTS, play, possible
from tests.crash.session import open_world


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="0 = another one each time")
    parser.add_argument(
        "--engines", action="store_true", help="mail stands in PostgreSQL and S3, which have faults too"
    )
    parser.add_argument("--only", action="append", choices=[*FAULTS, *ENGINE_FAULTS], help="one kind of fault alone")
    asked = parser.parse_args()
    seed = asked.seed or random.randrange(10**6)
    random.seed(seed)
    folder = Path(tempfile.mkdtemp(prefix="alumnimail-crash-"))
    where = "PostgreSQL and S3" if asked.engines else "SQLite and files"
    print(f"{asked.rounds} rounds on {where}, seed {seed}, in {folder}", flush=True)
    began, promised = time.monotonic(), 0
    with open_world(folder, on_engines=asked.engines) as world:
        kinds = possible(world)
        if unplayable := [name for name in asked.only or () if name not in kinds]:
            parser.error(f"cannot be played on {where}: {', '.join(unplayable)}")
        kinds = asked.only or kinds
        order: list[str] = []
        for number in range(1, asked.rounds + 1):
            order = order or random.sample(kinds, len(kinds))
            name = order.pop()
            try:
                count = play(world, name)
            except AssertionError as problem:
                print(f"{number:4}/{asked.rounds} {name}: NOT KEPT: {problem}\nthe folder is left as it is: {folder}")
                return 1
            promised += count
            minutes = (time.monotonic() - began) / 60
            print(
                f"{number:4}/{asked.rounds} {name:28} {count:5} messages kept; {promised:7} in {minutes:.1f} min",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Drive the programs that are installed, print the table of what works, and keep it in docs/clients.md.

`python -m tests.interop.programs [NAME...]`: only these; the table in the docs is written when all have run.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mailcore.clock import Clock
from tests.interop.programs.aerc import Aerc
from tests.interop.programs.alpine import Alpine
from tests.interop.programs.claws import Claws
from tests.interop.programs.day import STEPS, Program, spend
from tests.interop.programs.desk import Desk
from tests.interop.programs.evolution import Evolution
from tests.interop.programs.mutt import Mutt
from tests.interop.programs.thunderbird import Thunderbird

PROGRAMS: tuple[type[Program], ...] = (Thunderbird, Claws, Evolution, Mutt, Alpine, Aerc)
DOCS = Path(__file__).parents[3] / "docs" / "clients.md"
BEGIN, END = "<!-- table of make interop -->", "<!-- end of the table -->"


def version(package: str) -> str:
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False
    )
    return done.stdout.partition(":")[2].partition("-")[0] or done.stdout.partition("-")[0]


def main(names: list[str]) -> int:
    os.environ["CI"] = "true"  # a program that is missing is an error here, not a skip
    chosen = [one for one in PROGRAMS if not names or one.package in names]
    missing = [one.package for one in chosen if shutil.which(one.command) is None]
    if missing:
        sys.stdout.write(f"not installed, and left out: {' '.join(missing)}\n")
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory(prefix="interop-") as folder:
        desk = Desk(Path(folder))
        try:
            for one in chosen:
                if one.package in missing:
                    continue
                home = Path(folder) / one.package
                home.mkdir()
                outcomes = spend(one(desk, home))
                rows.append(
                    (f"{one.name} {version(one.package)}", *(outcomes.get(step, "not reached") for step in STEPS))
                )
                sys.stdout.write(f"{rows[-1][0]}: {outcomes}\n")
                sys.stdout.flush()
        finally:
            desk.end()
    table = "\n".join(
        "| " + " | ".join(row) + " |" for row in (("program", *STEPS), ("---",) * (len(STEPS) + 1), *rows)
    )
    sys.stdout.write(table + "\n")
    if not names and not missing:
        text = DOCS.read_text(encoding="utf-8")
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        today = Clock().now().strftime("%-d %B %Y")
        DOCS.write_text(f"{before}{BEGIN}\nLast run: {today}.\n\n{table}\n{END}{after}", encoding="utf-8")
    return int(any("fails" in cell for row in rows for cell in row))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`make fuzz`: each target for some seconds, by our own mutations or, with --guided, by atheris, which follows coverage.

python -m tests.fuzz.run [--seconds 60] [--guided] [TARGET ...]
"""

import argparse
import random
import subprocess
import sys
from pathlib import Path

from tests.fuzz.corpora import seeds
from tests.fuzz.mutate import hunt, keep
from tests.fuzz.targets import TARGETS


def guide(target: str, seconds: int) -> int:
    """Run atheris, one process for each target: it ends its process at the first finding, which it writes down."""
    corpus = Path("var/fuzz") / target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, octets in enumerate(seeds(target)):
        (corpus / f"seed{number}").write_bytes(octets)
    findings = Path(__file__).parent / "findings"
    options = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={findings}/{target}-",
        "-print_final_stats=1",
        str(corpus),
    ]
    return subprocess.run([sys.executable, "-m", "tests.fuzz.guided", target, *options], check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []])
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--guided", action="store_true", help="by atheris")
    asked = parser.parse_args()
    failed = 0
    for name in asked.targets or TARGETS:
        if asked.guided:
            failed += guide(name, asked.seconds) != 0
            continue
        count, found = hunt(TARGETS[name], seeds(name), asked.seconds, random.randrange(2**32))
        print(f"{name:14} {count:9,} inputs", found.problem[:200] if found else "", flush=True)
        if found is not None:
            print(f"{'':14} kept as {keep(name, found)}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""`make fuzz`: atheris, guided by coverage, on each target in turn.

python -m tests.fuzz.run TARGET [libFuzzer options, e.g. -max_total_time=60]
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mailcore.imap", "mailcore.wire", "mailcore.mail"]):
    from tests.fuzz.targets import TARGETS

SEEDS = Path(__file__).parents[1] / "protocol" / "imap"


def seeds(folder: Path, target: str) -> None:
    """The commands of the transcripts without their tags, and the messages of the tests."""
    folder.mkdir(parents=True, exist_ok=True)
    if target == "message":
        texts = [path.read_bytes() for path in SEEDS.parent.glob("*.eml")]
    else:
        lines = [
            line[3:] for path in SEEDS.glob("*.txt") for line in path.read_bytes().splitlines() if line[:2] == b"C:"
        ]
        texts = [b" " + line.split(b" ", 2)[-1] if target == "grammar" else line + b"\r\n" for line in lines]
    for number, octets in enumerate(texts):
        (folder / f"seed{number}").write_bytes(octets)


def main() -> None:
    target, options = sys.argv[1], sys.argv[2:]
    corpus = Path("var/fuzz") / target
    seeds(corpus, target)
    atheris.Setup([sys.argv[0], str(corpus), *options], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()

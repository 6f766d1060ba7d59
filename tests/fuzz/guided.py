"""One target under atheris: python -m tests.fuzz.guided TARGET [libFuzzer options]."""

import sys

import atheris

with atheris.instrument_imports(include=["mailcore", "sieve"]):
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()

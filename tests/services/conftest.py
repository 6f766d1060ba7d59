"""A real Core on SQLite and files in a temporary folder."""

from collections.abc import Iterator

import pytest

from mailcore import core as cores
from mailcore.config import Config


@pytest.fixture
def core(tmp_path) -> Iterator[cores.Core]:
    built = cores.build(Config(data=str(tmp_path)))
    yield built
    cores.close(built)

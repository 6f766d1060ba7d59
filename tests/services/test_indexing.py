"""Search indexes are brought up to date beside the service, and wait where the database does not answer."""

import asyncio
import logging

import pytest

from mailcore.errors import Busy
from mailcore.services.webmail import indexing


@pytest.mark.parametrize(("problem", "has_trace"), [(Busy("the database is away"), False), (ValueError("a bug"), True)])
def test_a_database_that_is_away_is_told_in_a_line_and_a_bug_with_its_trace(
    core, monkeypatch, caplog, problem, has_trace
):
    async def play() -> None:
        looked_again = asyncio.Event()
        looks = []

        def update(_core) -> None:
            looks.append(1)
            if len(looks) > 1:
                loop.call_soon_threadsafe(looked_again.set)
            raise problem

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(indexing, "LOOK_SECONDS", 0)
        monkeypatch.setattr(indexing, "update_requested", update)
        running = asyncio.ensure_future(indexing.run_forever(core))
        await looked_again.wait()
        running.cancel()

    with caplog.at_level(logging.WARNING, indexing.__name__):
        asyncio.run(play())
    first = caplog.records[0]
    assert "search indexes wait" in first.getMessage()
    assert bool(first.exc_info) == has_trace

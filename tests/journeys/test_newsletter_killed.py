"""A newsletter whose sending is killed again and again reaches everybody once (N39)."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.services.accounts import accounts
from mailcore.services.newsletters import corrections, issues, sending, topics
from mailcore.services.operations import health
from tests.machine import until

pytestmark = pytest.mark.slow
PEOPLE, KILLS = 1500, 6
PROGRAM = Path(sys.executable).parent / "alumnimail"
COPIES = "SELECT count(*), count(DISTINCT mailbox) FROM message m JOIN newsletter_edition e ON e.blob=m.blob"


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "alumnimail.toml"
    path.write_text(f'data = "{tmp_path}/var"\n[outbound]\nmode = "capture"\n')
    return path


@pytest.fixture
def newsletter(config) -> int:
    """A draft of a topic to which everybody has agreed, some of whom forward their mail."""
    core = cores.build(parse_config(config.read_text()))
    people = [accounts.NewAccount(f"user{number}") for number in range(PEOPLE)]
    for _ in accounts.import_accounts(core, people):
        pass
    topic = topics.create_topic(core, {"nb": "Nytt", "nn": "Nytt", "en": "News"}, actor="eva")
    core.db.write(
        lambda tx: tx.run("INSERT INTO consent SELECT id,?,0,'Ja' FROM account WHERE name LIKE 'user%'", topic)
    )
    number = issues.create_draft(core, topic, "nb", "November", "Hei\n", actor="eva")
    cores.close(core)
    return number


def test_n39_kill_9_at_any_progress_leaves_nobody_out_and_nobody_with_two(config, newsletter):
    database = sqlite3.connect(f"file:{config.parent}/var/alumnimail.db?mode=ro", uri=True)
    killed = 0
    for aim in sorted(random.sample(range(1, PEOPLE), KILLS)):
        killed += _send_until(config, newsletter, lambda aim=aim: database.execute(COPIES).fetchone()[0] >= aim)
    assert killed > 0
    _send_until(config, newsletter, lambda: False)
    assert database.execute(COPIES).fetchone() == (PEOPLE, PEOPLE)
    database.close()
    core = cores.build(parse_config(config.read_text()))
    assert sending.find_newsletter(core, newsletter).counts.filed == PEOPLE
    corrections.begin_correction(core, newsletter, "November", "Rettet\n", actor="eva")
    steps = corrections.correct_copies(core, newsletter)
    next(steps)
    del steps  # as one that is ended does: the rest is left to the next
    assert sum(corrections.correct_copies(core, newsletter)) < PEOPLE
    assert core.db.read(lambda tx: tx.row(COPIES)) == (PEOPLE, PEOPLE)
    assert health.check_installation(core, repair=False) == []
    cores.close(core)


def _send_until(config: Path, number: int, is_enough) -> bool:
    """Send until there is enough, and kill it then; say if it was killed in time."""
    process = subprocess.Popen(
        [str(PROGRAM), "--config", str(config), "newsletter", "send", str(number)],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert until(lambda: process.poll() is not None or is_enough(), 120)
    if process.poll() is None:
        time.sleep(random.uniform(0, 0.03))  # anywhere in the batch that follows
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait(60) == -signal.SIGKILL

"""`listen.metrics`: what whoever watches the service reads."""

import asyncio
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mailcore.cli.metrics_server import Metrics
from mailcore.domain import Envelope
from mailcore.errors import Busy
from mailcore.process.waits import Wait
from mailcore.services import certificates
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients, sending_limits
from mailcore.services.operations import backup, jobs, restore_drill
from mailcore.services.tickets import tickets
from tests.machine import free_port
from tests.queueing import enqueue


def deliver(core, sender: str, address: str) -> None:
    found = core.db.read(lambda tx: recipients.check_recipient(core, tx, address, None))
    asyncio.run(delivery.accept(core, Envelope(sender, (address,)), [found], b"Subject: x\r\n\r\nhei\r\n", b""))


@pytest.fixture
def read(core):
    """Asks by HTTP; numbers by name and label."""
    port = free_port()
    server = Metrics(core, f"127.0.0.1:{port}")

    def ask() -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")
            text = answer.read().decode()
        assert "ola" not in text
        assert "kari" not in text
        return {
            " ".join((sample.name.removeprefix("alumnimail_"), *sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    yield ask
    server.stop()


def test_states_ages_and_sizes_are_told_and_nobody_is_named(core, clock, read):
    ola = accounts.add_account(core, "ola", quota=0)
    accounts.add_account(core, "kari", contact="kari@outside.example")
    before = read()
    assert before["accounts active"] == 2
    deliver(core, "friend@outside.example", "ola@alumni.example")
    core.db.write(
        lambda tx: tickets.open_ticket(
            core, tx, kind="question", subject="x", text="y", reply_to="kari@outside.example"
        )
    )
    enqueue(core, "a@outside.example", account=ola.id)
    core.db.write(lambda tx: sending_limits.hold(core, tx, ola, "too many strangers"))
    clock.forward(seconds=90)
    now = read()
    assert now["deliveries_last_hour filed"] == before.get("deliveries_last_hour filed", 0) + 1
    assert now["stored_bytes"] > before["stored_bytes"]
    assert (before["accounts_on_hold"], now["accounts_on_hold"]) == (0, 1)
    assert now["queue_oldest_seconds"] >= 90
    assert now["queue_items held"] == 1
    assert sum(value for name, value in now.items() if name.startswith("tickets ")) >= 1
    assert now["disk_free_bytes"] > 0
    clock.forward(hours=2)
    assert "deliveries_last_hour filed" not in read()


def test_a_job_that_fails_or_is_late_is_told(core, clock, read, monkeypatch):
    def broken(core) -> None:
        raise Busy("no")

    some = jobs.Job("good", 3600, lambda core: None), jobs.Job("bad", 3600, broken)
    for job in (*some, jobs.Job("gone", 3600, broken)):
        assert jobs.run_due(core, job)
    monkeypatch.setattr(jobs, "list_jobs", lambda core: some)
    clock.forward(hours=1, seconds=5)
    now = read()
    assert (now["job_failed good"], now["job_failed bad"]) == (0, 1)
    assert now["job_late_seconds good"] == 5
    assert "job_failed gone" not in now


def test_how_long_people_wait_is_told_for_each_process(core, read):
    assert "loop_lag_seconds_count all 1" not in read()
    core.waits.share(core.config.database_key)
    before = read()
    for seconds in (0.003, 0.3, 60):
        core.waits.note(Wait.LOOP_LAG, seconds)
    now = read()
    assert now["loop_lag_seconds_count all 1"] == before["loop_lag_seconds_count all 1"] + 3
    assert now["loop_lag_seconds_sum all 1"] - before["loop_lag_seconds_sum all 1"] == pytest.approx(60.303)
    assert [now[f"loop_lag_seconds_bucket all {bound} 1"] for bound in (0.001, 0.005, 0.1, 0.5, "+Inf")] == [
        0,
        1,
        1,
        2,
        3,
    ]
    core.db.write(lambda tx: None)
    assert read()["write_wait_seconds_count all 1"] == now["write_wait_seconds_count all 1"] + 1


def test_the_end_of_the_certificate_is_told(core, clock, read):
    assert "certificate_ends_timestamp_seconds" not in read()
    certificates.ensure_certificate(core.config, clock)
    assert read()["certificate_ends_timestamp_seconds"] == pytest.approx(
        clock.now().timestamp() + 800 * 86_400, abs=2 * 86_400
    )


def test_ages_of_backups_are_told(core, clock, read, tmp_path):
    before = read()
    assert (before["backup_timestamp_seconds"], before["restore_drill_timestamp_seconds"]) == (0, 0)
    backup.create_backup(core.config, tmp_path / "backup", clock)
    made = clock.seconds()
    clock.forward(hours=1)
    restore_drill.run_drill(core.config, tmp_path / "backup", clock, lambda octets: None)
    now = read()
    assert (now["backup_timestamp_seconds"], now["restore_drill_timestamp_seconds"]) == (made, clock.seconds())
    assert now["restore_drill_duration_seconds"] > 0


def test_a_database_that_does_not_answer_is_told(core, read, monkeypatch):
    assert read()["database_answers"] == 1

    def busy(fn) -> None:
        raise Busy("locked")

    monkeypatch.setattr(type(core.db), "read", lambda self, fn: busy(fn))
    assert read()["database_answers"] == 0

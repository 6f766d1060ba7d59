"""deploy/monitoring: alarms that go off at what they are for and at nothing else, and a board of what is really served."""

import json
import os
import re
import shutil
import urllib.request
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from mailcore.cli.metrics_server import Metrics
from mailcore.core import Core
from mailcore.errors import Busy
from mailcore.process import memory
from mailcore.process.waits import Wait
from mailcore.services import certificates
from mailcore.services.accounts import accounts
from mailcore.services.delivery import sending_limits
from mailcore.services.operations import backup, dns_records, dns_watch, jobs, restore_drill
from mailcore.store.engine import values
from tests.machine import free_port
from tests.promql import Sample, evaluate, list_grouping_labels, list_selectors, scraped
from tests.queueing import enqueue
from tests.services.test_measures import deliver

ROOT = Path(__file__).resolve().parents[2]
RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy/monitoring/alerts.yml").read_text())["groups"][0]["rules"]
BOARD: dict[str, Any] = json.loads((ROOT / "deploy/monitoring/dashboard.json").read_text())
TARGETS = [
    (panel["title"], target["expr"].replace('instance=~"$instance"', "").replace(",}", "}"), target["legendFormat"])
    for panel in BOARD["panels"]
    for target in panel["targets"]
]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def ask(core: Core) -> Iterator[Callable[[], list[Sample]]]:
    """Ask the metrics as Prometheus does."""
    port = free_port()
    server = Metrics(core, f"127.0.0.1:{port}")

    def read() -> list[Sample]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            families = text_string_to_metric_families(answer.read().decode())
            samples = [scraped(one.name, one.labels, one.value) for family in families for one in family.samples]
        return [*samples, scraped("up", {}, 1)]

    yield read
    server.stop()


@pytest.fixture
def healthy(core: Core, clock, tmp_path, monkeypatch) -> Core:
    """Give an installation at which nothing is wrong."""
    monkeypatch.setattr(memory, "list_processes", lambda supervisor: [memory.Process("all", os.getpid(), 200 * 2**20)])
    accounts.add_account(core, "ola")
    certificates.ensure_certificate(core.config, clock)
    deliver(core, "friend@outside.example", "ola@alumni.example")
    core.db.write(lambda tx: tx.run("DELETE FROM slow_write"))  # this machine may be busy
    run(core, "good", lambda core: None)
    backup.create_backup(core.config, tmp_path / "backup", clock)
    restore_drill.run_drill(core.config, tmp_path / "backup", clock, lambda octets: None)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(100, 50, 50))
    return core


def run(core: Core, name: str, work: Callable[[Core], object]) -> None:
    jobs.run_due(core, jobs.Job(name, 3600, work))


def fired(samples: list[Sample], now: float) -> set[str]:
    return {rule["alert"] for rule in RULES if evaluate(str(rule["expr"]), samples, now)}


def test_nothing_goes_off_where_nothing_is_wrong(healthy, clock, ask, monkeypatch):
    monkeypatch.setattr(jobs, "list_jobs", lambda core: (jobs.Job("good", 3600, lambda core: None),))
    assert fired(ask(), clock.seconds()) == set()


# What is wrong, as far as possible done by the part that would do it


def wait_in_queue(core: Core, clock, patch) -> None:
    enqueue(core, "r@outside.example")
    clock.forward(hours=5)


def fill_queue(core: Core, clock, patch) -> None:
    enqueue(core, *(f"r{number}@outside.example" for number in range(2001)))


def fail_job(core: Core, clock, patch) -> None:
    def broken(core: Core) -> None:
        raise Busy("no")

    run(core, "bad", broken)
    patch.setattr(jobs, "list_jobs", lambda core: (jobs.Job("bad", 3600, broken),))


def delay_job(core: Core, clock, patch) -> None:
    patch.setattr(jobs, "list_jobs", lambda core: (jobs.Job("good", 3600, lambda core: None),))
    clock.forward(hours=1, seconds=901)


def fill_disk(core: Core, clock, patch) -> None:
    patch.setattr(shutil, "disk_usage", lambda path: Usage(100, 91, 9))


def silence_database(core: Core, clock, patch) -> None:
    def busy(self: object, fn: object) -> None:
        raise Busy("locked")

    patch.setattr(type(core.db), "read", busy)


def write(core: Core, sql: str, *values: object) -> None:
    core.db.write(lambda tx: tx.run(sql, *values))


def fail_forwardings(core: Core, clock, patch) -> None:
    for number in range(21):
        account = accounts.add_account(core, f"p{number}")
        write(core, "DELETE FROM forwarding WHERE account_id=?", account.id)
        write(core, "INSERT INTO forwarding (account_id,target,state,copy,failures,last_reply,token,unsafe,digest,"
              "rolling_days) VALUES (?,'x@outside.example','failing',1,0,'','','',1,0)", account.id)  # fmt: skip


def write_slowly(core: Core, clock, patch) -> None:
    hour = clock.seconds() // 3600
    write(core, "INSERT INTO slow_write (caller,hour,count,longest) VALUES ('x:y',?,1,6000)", hour)


def use_memory(core: Core, clock, patch) -> None:
    patch.setattr(memory, "list_processes", lambda supervisor: [memory.Process("mail", 1, 2 * 10**9)])


def let_wait(wait: Wait, seconds: float) -> Callable[[Core, Any, pytest.MonkeyPatch], None]:
    def let(core: Core, clock, patch) -> None:
        core.waits.share(core.config.database_key)
        for _ in range(100_000):  # more than this machine itself has counted
            core.waits.note(wait, seconds)

    return let


def lose_certificate(core: Core, clock, patch) -> None:
    core.config.certificate_path.unlink()


def break_dns(core: Core, clock, patch) -> None:
    finding = dns_records.Finding(dns_records.Record("alumni.example", "MX", "10 mx.alumni.example"), "missing")
    text = json.dumps({"at": clock.seconds(), "findings": [asdict(finding)]})
    core.db.write(lambda tx: values.save_value(tx, dns_watch._KEY, text))


def hold_account(core: Core, clock, patch) -> None:
    ola = accounts.find_account(core, "ola")
    core.db.write(lambda tx: sending_limits.hold(core, tx, ola, "too many strangers"))


def guess_passwords(core: Core, clock, patch) -> None:
    for _ in range(1001):
        write(core, "INSERT INTO login_failure (peer,at,tag) VALUES ('192.0.2.1',?,'')", clock.seconds())


TROUBLES: dict[str, Callable[[Core, Any, pytest.MonkeyPatch], object]] = {
    "AlumnimailDatabaseSilent": silence_database,
    "AlumnimailDiskFull": fill_disk,
    "AlumnimailQueueOld": wait_in_queue,
    "AlumnimailQueueLong": fill_queue,
    "AlumnimailNothingComesIn": lambda core, clock, patch: clock.forward(hours=2),
    "AlumnimailForwardingsFail": fail_forwardings,
    "AlumnimailJobFailed": fail_job,
    "AlumnimailJobLate": delay_job,
    "AlumnimailSlowWrite": write_slowly,
    "AlumnimailLoopLag": let_wait(Wait.LOOP_LAG, 0.4),
    "AlumnimailThreadWait": let_wait(Wait.THREAD_WAIT, 0.4),
    "AlumnimailWriteWait": let_wait(Wait.WRITE_WAIT, 0.4),
    "AlumnimailCommitSlow": let_wait(Wait.COMMIT, 0.15),
    "AlumnimailMemory": use_memory,
    "AlumnimailCertificateEnds": lambda core, clock, patch: clock.forward(days=795),
    "AlumnimailCertificateUnreadable": lose_certificate,
    "AlumnimailDnsWrong": break_dns,
    "AlumnimailBackupOld": lambda core, clock, patch: clock.forward(hours=49),
    "AlumnimailRestoreDrillOld": lambda core, clock, patch: clock.forward(days=101),
    "AlumnimailSendingHeld": hold_account,
    "AlumnimailLoginFailures": guess_passwords,
}


@pytest.mark.parametrize("alarm", [rule["alert"] for rule in RULES if rule["alert"] != "AlumnimailDown"])
def test_each_alarm_goes_off_at_its_trouble(healthy, clock, ask, monkeypatch, alarm):
    assert alarm not in fired(ask(), clock.seconds())
    TROUBLES[alarm](healthy, clock, monkeypatch)
    assert alarm in fired(ask(), clock.seconds())


def test_who_never_made_a_backup_hears_of_it(core, clock, ask):
    assert {"AlumnimailBackupOld", "AlumnimailRestoreDrillOld"} <= fired(ask(), clock.seconds())


def test_a_service_that_is_down_is_told():
    assert "AlumnimailDown" in fired([scraped("up", {}, 0)], 0)
    assert fired([scraped("up", {}, 0, job="other")], 0) == set()


def test_each_alarm_has_its_section():
    """The one who is woken up reads what it is and what to do."""
    text = (ROOT / "docs/operation.md").read_text()
    sections = re.findall(r"(?m)^### (Alumnimail\w+)\n\n(?=\S)", text)
    assert sections == [rule["alert"] for rule in RULES]
    for rule in RULES:
        assert rule["annotations"]["runbook"] == f"docs/operation.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]


@pytest.fixture
def served(healthy, clock, ask, monkeypatch) -> dict[str, set[str]]:
    """Give every metric that is served, with its labels."""
    for trouble in (fail_job, fail_forwardings, write_slowly, wait_in_queue, let_wait(Wait.LOOP_LAG, 0.1)):
        trouble(healthy, clock, monkeypatch)
    deliver(healthy, "friend@outside.example", "ola@alumni.example")
    known: dict[str, set[str]] = {}
    for sample in ask():
        known.setdefault(sample.name, set()).update(name for name, _ in sample.labels)
    for histogram in [name.removesuffix("_bucket") for name in known if name.endswith("_bucket")]:
        del known[f"{histogram}_sum"], known[f"{histogram}_count"]
    return known | {name: {"state", "job", "instance"} for name in ("alumnimail_orders", "alumnimail_tickets")}


def test_rules_and_board_name_what_is_served(served):
    expressions = [str(rule["expr"]) for rule in RULES] + [expression for _, expression, _ in TARGETS]
    named: set[str] = set()
    for expression in expressions:
        for name, labels in list_selectors(expression):
            named.add(name)
            assert name in served, expression
            assert labels <= served[name], expression
    assert set(served) <= named, "on the board or behind an alarm: else nobody looks at it"


def test_what_a_text_says_of_labels_is_there(served):
    told = [(str(rule["expr"]), rule["annotations"]["summary"], r"\$labels\.(\w+)") for rule in RULES]
    told += [(expression, legend, r"\{\{(\w+)\}\}") for _, expression, legend in TARGETS]
    for expression, text, pattern in told:
        names = list(list_selectors(expression))
        labels = list_grouping_labels(expression) or set.union(*(served[name] for name, _ in names))
        assert set(re.findall(pattern, text)) <= labels, (expression, text)


def test_the_board_is_one_that_grafana_takes():
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["datasource"]["uid"] == "${datasource}"
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    assert [variable["name"] for variable in BOARD["templating"]["list"]] == ["datasource", "instance"]

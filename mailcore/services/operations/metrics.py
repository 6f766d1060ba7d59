"""Metrics for administrators, as Prometheus reads them (its text format): states, ages and sizes, and nobody's name.

All is read from the database when it is asked for, so that one process answers for the whole installation.
"""

import itertools
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping

from cryptography import x509
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from mailcore.core import Core
from mailcore.errors import Busy
from mailcore.process import memory
from mailcore.process.waits import BOUNDS, Wait, read_shared
from mailcore.services.operations import backup_times, dns_watch, jobs
from mailcore.store.engine.db import Tx
from mailcore.store.site import metrics as store

HOUR, DAY = 3600, 86_400
_BY_STATE = {
    "accounts": ("accounts", "Accounts by state"),
    "queue": ("queue_items", "Outgoing messages, one for each recipient, by state"),
    "forwardings": ("forwardings", "Forwardings by health"),
    "orders": ("orders", "Orders of accounts by state"),
    "tickets": ("tickets", "Tickets of the help desk by state"),
}
_WAITS = {
    Wait.LOOP_LAG: "How late the event loop of each process is, looked at ten times a second",
    Wait.THREAD_WAIT: "How long work waits for a thread",
    Wait.WRITE_WAIT: "How long a write waits until it begins, for those before it and for other processes",
    Wait.COMMIT: "How long a group of writes takes until it is on disk",
}


def build_registry(core: Core, supervisor: int = 0) -> CollectorRegistry:
    """Build the registry that `prometheus_client.make_wsgi_app` shows; `supervisor` as in `memory.list_processes`."""
    built = CollectorRegistry()
    built.register(_Metrics(core, supervisor))
    return built


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"alumnimail_{name}", text, value=value)


def _gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"alumnimail_{name}", text, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family


class _Metrics(Collector):
    def __init__(self, core: Core, supervisor: int) -> None:
        self._core, self._supervisor = core, supervisor

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is read before somebody asks."""
        return []

    def collect(self) -> Iterator[Metric]:
        core = self._core
        try:
            yield from core.db.read(self._of_the_database)
            answers = 1
        except Busy:
            answers = 0
        yield _gauge(
            "database_answers", "1, or 0 when the database cannot be read; then all that it knows is missing", answers
        )
        room = shutil.disk_usage(core.config.data_path)
        yield _gauge("disk_free_bytes", "Room left where the data stand", room.free)
        yield _gauge("disk_size_bytes", "Room that there is in all", room.total)
        yield from self._of_processes()
        if ends := self._certificate_ends():
            yield _gauge("certificate_ends_timestamp_seconds", "When the TLS certificate ends", ends)

    def _of_processes(self) -> list[Metric]:
        octets = GaugeMetricFamily(
            "alumnimail_process_memory_bytes",
            "Memory that each process has for itself (RssAnon)",
            labels=["kind", "number"],
        )
        waits = {
            wait: HistogramMetricFamily(f"alumnimail_{wait.name.lower()}_seconds", text, labels=["kind", "number"])
            for wait, text in _WAITS.items()
        }
        shared = read_shared(self._core.config.database_key)
        numbers = Counter[str]()
        for process in memory.list_processes(self._supervisor):
            numbers[process.kind] += 1
            labels = [process.kind, str(numbers[process.kind])]
            octets.add_metric(labels, process.octets)
            for wait, histogram in shared.get(process.pid, {}).items():
                sums = itertools.accumulate(histogram.counts)
                buckets = list(zip((*map(str, BOUNDS), "+Inf"), sums, strict=True))
                waits[wait].add_metric(labels, buckets, histogram.seconds)
        return [octets, *waits.values()]

    def _of_the_database(self, tx: Tx) -> list[GaugeMetricFamily]:
        now = self._core.clock.seconds()
        single = store.count_single(tx)
        named = {job.name for job in jobs.list_jobs(self._core)}  # a row may be left of one that there is no more
        turns = [turn for turn in store.list_jobs(tx) if turn[0] in named]
        age, waits = (now - single[key] if single[key] else 0 for key in ("oldest", "oldest_waiting"))
        backup, drill = backup_times.read_backup(tx), backup_times.read_drill(tx)
        slow = store.list_slow_writes(tx, now - DAY)
        found = [_gauges(*_BY_STATE[name], "state", counts) for name, counts in store.count_by_state(tx).items()]
        return [
            *found,
            _gauge("queue_oldest_seconds", "Age of the oldest outgoing message", age),
            _gauge("queue_oldest_waiting_seconds", "Age of the oldest that is not held", waits),
            _gauge(
                "dns_records_wrong",
                "Records of our domains that are missing or wrong, as of the last look",
                len(dns_watch.read_last_look(tx).needs_mending),
            ),
            _gauge("backup_timestamp_seconds", "When the last backup was finished; 0 = never", backup.at),
            _gauge("backup_duration_seconds", "How long it took", backup.seconds),
            _gauge(
                "restore_drill_timestamp_seconds",
                "When a backup was last restored for trial, and found whole; 0 = never",
                drill.at,
            ),
            _gauge("restore_drill_duration_seconds", "How long that restore took", drill.seconds),
            _gauge("stored_bytes", "Mail of all accounts, as quotas count it", single["stored"]),
            _gauge("accounts_on_hold", "Accounts that may not send as they behaved as if hijacked", single["on_hold"]),
            _gauges(
                "deliveries_last_hour",
                "Messages that came in, by what became of them, one for each recipient",
                "outcome",
                store.count_outcomes(tx, now - HOUR),
            ),
            _gauge("login_failures_last_hour", "Wrong passwords", store.count_failed_logins(tx, now - HOUR)),
            _gauges(
                "slow_writes_last_day",
                "Writes above 100 ms, which hold up others",
                "caller",
                {w: n for w, n, _ in slow},
            ),
            _gauges(
                "slow_write_longest_seconds_last_day",
                "The longest of them",
                "caller",
                {w: most / 1000 for w, _, most in slow},
            ),
            _gauges(
                "job_failed",
                "1 where the last turn of a periodic job failed",
                "job",
                {n: int(bad) for n, _, bad in turns},
            ),
            _gauges("job_late_seconds", "How long its turn is due", "job", {n: max(0, now - at) for n, at, _ in turns}),
        ]

    def _certificate_ends(self) -> float:
        """0 when it cannot be read."""
        try:
            found = x509.load_pem_x509_certificate(self._core.config.certificate_path.read_bytes())
        except (OSError, ValueError):
            return 0
        return found.not_valid_after_utc.timestamp()

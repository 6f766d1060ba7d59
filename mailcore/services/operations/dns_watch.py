"""The DNS records of the domain as they were when somebody last looked: a job each hour, or an administrator.

What was found is saved, so that a page does not wait for servers, and tells when it was.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime

from mailcore.clock import to_time
from mailcore.core import Core
from mailcore.services.mailauth import dkim_keys
from mailcore.services.operations.dns_records import Finding, Record, compare_record, list_needed_records
from mailcore.store.engine import values
from mailcore.store.engine.db import Tx

_KEY = "dns records"
_AT_ONCE = 8  # look-ups, of which a silent server makes each wait


@dataclass(frozen=True, slots=True)
class Look:
    """Findings of one look; `at` is None where nobody has looked yet."""

    at: datetime | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def needs_mending(self) -> tuple[Finding, ...]:
        """Findings that somebody must act on; a server that was silent is none."""
        return tuple(finding for finding in self.findings if finding.state in ("missing", "wrong"))

    @property
    def is_silent(self) -> bool:
        """No record could be looked up at all."""
        return bool(self.findings) and all(finding.state == "unknown" for finding in self.findings)


def check_records(core: Core, *, anew: bool = False) -> Look:
    """Ask DNS for each record and save what it shows; blocking.  `anew`: what is remembered does not count."""
    dkim_keys.ensure_keys(core.config)
    records = list_needed_records(core.config)
    if anew:
        for record in records:
            core.dns.forget(record.name, record.kind)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dns") as pool:
        findings = tuple(pool.map(lambda record: compare_record(core, record), records))
    now = core.clock.seconds()
    text = json.dumps({"at": now, "findings": [asdict(finding) for finding in findings]})
    core.db.write(lambda tx: values.save_value(tx, _KEY, text))
    return Look(to_time(now), findings)


def load_last_look(core: Core) -> Look:
    """Load what the last look found."""
    return core.db.read(read_last_look)


def read_last_look(tx: Tx) -> Look:
    """Read what the last look found."""
    text = values.get_value(tx, _KEY)
    if not text:
        return Look()
    saved = json.loads(text)
    return Look(
        to_time(saved["at"]),
        tuple(Finding(Record(**one["record"]), one["state"], tuple(one["found"])) for one in saved["findings"]),
    )

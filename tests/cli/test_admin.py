"""`alumnimail admin` and the acts on accounts that the pages of administration have, as people type them (N37)."""

import json
from pathlib import Path

import pytest

from mailcore.services import audit
from mailcore.services.audit import AuditFilter
from mailcore.services.delivery import sending_limits
from mailcore.services.operations import administration, attention
from mailcore.services.operations.attention import Finding, Trouble
from tests.cli.test_people import config, opened, run

__all__ = ["config"]


def test_n37_what_is_done_to_an_account_is_in_its_log_with_who(config: str, tmp_path: Path) -> None:
    for words in (
        ("add", "ola"),
        ("quota", "ola", "3G"),
        ("role", "ola", "desk"),
        ("hold", "ola", "sends what its owner did not write"),
        ("release", "ola", "--drop"),
        ("log-out", "ola"),
        ("close", "ola"),
        ("reopen", "ola"),
    ):
        assert run(config, "user", *words).exit_code == 0, words
    lines = json.loads(run(config, "admin", "log", "--account", "ola", "--json").output)
    assert {line["event"] for line in lines if line["actor"] != "command line"} == {"ticket opened"}  # by the service
    assert {line["event"] for line in lines} >= {
        "account made", "quota changed", "role given", "sending held", "sending released", "logged out everywhere",
        "account closed", "account opened again",
    }  # fmt: skip
    [held] = json.loads(run(config, "admin", "log", "--event", "sending held", "--json").output)
    assert held["detail"] == "sends what its owner did not write"
    assert "role given" in run(config, "admin", "log", "--since", "2020-01-01", "--limit", "50").output
    assert "role given" not in run(config, "admin", "log", "--until", "2020-01-01").output
    assert run(config, "user", "hold", "ola", " ").exit_code == 1
    with opened(tmp_path) as core:
        assert audit.search_entries(core, AuditFilter(actor="cli")) == []


def test_n37_accounts_are_listed_by_kind(config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(administration, "MOST", 2)
    for number in range(5):
        run(config, "user", "add", f"user{number}")
        run(config, "user", "hold", f"user{number}", "why")
    run(config, "user", "add", "ola")
    found = json.loads(run(config, "user", "list", "--kind", "held", "--json").output)
    assert [one["name"] for one in found] == [f"user{number}" for number in range(5)]
    with opened(tmp_path) as core:
        assert sending_limits.why_held(core, found[0]["id"]) == "why"


def test_n37_jobs_are_listed_and_one_has_its_turn_now(config: str) -> None:
    assert "sweep of orphaned blobs" in run(config, "admin", "jobs").output
    assert run(config, "admin", "run-job", "old log-ins").exit_code == 0
    [turn] = [one for one in json.loads(run(config, "admin", "jobs", "--json").output) if one["name"] == "old log-ins"]
    assert turn["problem"] == ""
    assert run(config, "admin", "run-job", "no such job").exit_code == 1


def test_n37_what_needs_attention_makes_the_status(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Finding(Trouble.DNS_MISSING, "bad", 2, ("alumni.example",))]
    monkeypatch.setattr(attention, "list_findings", lambda _core: found)
    bad = run(config, "admin", "findings")
    assert (bad.exit_code, "dns missing  2      alumni.example" in bad.output) == (1, True)
    found[:] = [Finding(Trouble.QUEUE_OLD, "warn", 9000)]
    warned = run(config, "admin", "findings", "--json")
    assert (warned.exit_code, json.loads(warned.output)[0]["trouble"]) == (0, "queue old")


def test_n37_settings_tell_where_they_come_from_and_no_secret(config: str) -> None:
    with Path(config).open("a") as file:
        file.write('quota.default = "3G"\nfilter.learn_password = "geheim"\n')
    told = run(config, "admin", "settings").output
    assert "geheim" not in told
    [line] = json.loads(run(config, "admin", "settings", "quota.default", "--json").output)
    assert line == {"name": "quota.default", "value": "3G", "source": "here"}


def test_n37_figures_are_the_numbers_of_the_plots(config: str) -> None:
    lines = json.loads(run(config, "admin", "figures", "spam", "--span", "week", "--json").output)
    assert [sorted(line) for line in lines] == [["at", "other", "spam"]] * 7
    assert len(run(config, "admin", "figures", "log-ins").output.splitlines()) == 25

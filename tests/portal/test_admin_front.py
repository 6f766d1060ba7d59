"""Administration in the browser (N37): for administrators alone; its front page says what needs attention."""

import json
import shutil
from collections import namedtuple
from datetime import timedelta

import pytest
from flask import Flask

from mailcore.config import Config
from mailcore.core import Core
from mailcore.net.dns import DnsTrouble
from mailcore.services import certificates
from mailcore.services.accounts import accounts
from mailcore.services.operations import attention, backup, dns_watch, jobs
from mailcore.services.operations.attention import Trouble
from mailcore.services.operations.jobs import Job
from portal import create_app
from portal.access import Who, terms_of
from tests.portal.conftest import PASSWORD, Browser


def _admin_pages(app: Flask) -> list[str]:
    return [
        rule.rule
        for rule in app.url_map.iter_rules()
        if terms_of(app.view_functions[rule.endpoint]).who is Who.ADMIN and not rule.arguments and "GET" in rule.methods
    ]


@pytest.mark.parametrize("role", ["", "desk"])
def test_n37_the_desk_and_all_others_are_kept_out_of_every_page(browser: Browser, core: Core, role: str):
    accounts.add_account(core, "agnes", password=PASSWORD)
    accounts.set_role(core, "agnes", role)
    browser.log_in("agnes")
    pages = _admin_pages(create_app(core))
    assert "/admin/" in pages
    assert {browser.get(page).status_code for page in pages} == {403}
    assert "/admin/" not in browser.get("/account").text


def test_n37_whatever_begins_with_admin_declares_that_it_is_for_administrators(core: Core):
    app = create_app(core)
    views = {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule.startswith("/admin/")}
    assert views
    assert {terms_of(app.view_functions[endpoint]).who for endpoint in views} == {Who.ADMIN}


def test_n37_a_stranger_is_asked_to_log_in(browser: Browser):
    assert browser.get("/admin/").headers["Location"].startswith("/login?next=")


def test_n37_an_administrator_sees_every_page(eva: Browser, core: Core):
    for page in _admin_pages(create_app(core)):
        assert eva.get(page).status_code == 200, page


def test_n37_the_front_page_says_which_job_failed(eva: Browser, core: Core, monkeypatch: pytest.MonkeyPatch):
    def fail(_: Core) -> None:
        raise ZeroDivisionError

    broken = Job("old traces", 3600, fail)
    jobs.run_due(core, broken)
    page = eva.get("/admin/").text
    assert "1 recurring job failed." in page
    assert "old traces" in page


def test_n37_dns_that_is_missing_is_said_until_it_is_there(core: Core, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(core.dns, "lookup", lambda name, kind: ())
    missing = dns_watch.check_records(core).needs_mending
    finding = next(one for one in attention.list_findings(core) if one.trouble is Trouble.DNS_MISSING)
    assert finding.count == len(missing) > 10
    assert dns_watch.load_last_look(core).needs_mending == missing


def test_n37_dns_that_is_silent_is_no_missing_record(core: Core, monkeypatch: pytest.MonkeyPatch):
    def silent(name: str, kind: str) -> None:
        raise DnsTrouble(name)

    monkeypatch.setattr(core.dns, "lookup", silent)
    dns_watch.check_records(core)
    troubles = {one.trouble for one in attention.list_findings(core)}
    assert Trouble.DNS_SILENT in troubles
    assert Trouble.DNS_MISSING not in troubles


@pytest.mark.parametrize(("days", "level"), [(0, None), (785, "warn"), (796, "bad"), (803, "bad")])
def test_n37_a_certificate_near_its_end_is_said(core: Core, days: int, level: str | None, monkeypatch):
    certificates.ensure_certificate(core.config, core.clock)
    began = core.clock.now()
    monkeypatch.setattr(type(core.clock), "now", lambda _: began + timedelta(days=days))
    found = [one.level for one in attention.list_findings(core) if one.trouble is Trouble.CERTIFICATE_ENDS]
    assert found == ([level] if level else [])


def test_n37_a_full_disk_and_an_old_queue_are_said(core: Core, monkeypatch: pytest.MonkeyPatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100, 98, 2))
    core.db.write(
        lambda tx: tx.run(
            "INSERT INTO queue (sender,recipient,domain,blob,prefix,origin,state,tries,created_at,next_at,leased_until,"
            "leased_by,last_reply,delay_told,notify,ret,orcpt,envid,require_tls,mail_id)"
            " VALUES ('','a@b.example','b.example',1,'','notice','waiting',0,1000,1000,0,'','',0,'','','','',0,'')"
        )
    )
    found = {one.trouble: one for one in attention.list_findings(core)}
    assert (found[Trouble.DISK_FULL].level, found[Trouble.DISK_FULL].count) == ("bad", 2)
    assert found[Trouble.QUEUE_OLD].level == "bad"


@pytest.mark.parametrize(("days", "level"), [(0, None), (1, None), (2, "warn"), (7, "bad")])
def test_n37_an_old_backup_is_said(eva: Browser, core: Core, days: int, level: str | None, tmp_path, monkeypatch):
    now = core.clock.now()
    assert Trouble.BACKUP_OLD not in {one.trouble for one in attention.list_findings(core)}  # it may be made elsewhere
    with monkeypatch.context() as patch:
        patch.setattr(type(core.clock), "now", lambda _: now - timedelta(days=days))
        backup.create_backup(core.config, tmp_path / "backup", core.clock)
    found = [one.level for one in attention.list_findings(core) if one.trouble is Trouble.BACKUP_OLD]
    assert found == ([level] if level else [])
    if days == 2:
        assert "The last backup is 2 days old." in eva.get("/admin/").text


def test_n37_who_has_no_second_step_is_told(eva: Browser):
    assert "no two-step log-in" in eva.get("/admin/").text


def test_n37_what_was_seen_of_dns_is_a_record_of_its_own(core: Core, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(core.dns, "lookup", lambda name, kind: ())
    dns_watch.check_records(core)
    saved = core.db.read(lambda tx: tx.row("SELECT value FROM setting WHERE key='dns records'"))
    assert saved
    assert {"at", "findings"} == set(json.loads(saved[0]))
    assert Config().domain in saved[0]

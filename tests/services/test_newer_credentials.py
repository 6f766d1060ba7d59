"""A restore over a database that can still be read lets nobody in again whom its owner has shut out (S14, N30)."""

from pathlib import Path

import pytest

from mailcore import core as cores
from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.domain import Identity, Scope
from mailcore.errors import WrongPassword
from mailcore.services.accounts import accounts
from mailcore.services.credentials import app_passwords, credentials, login
from mailcore.services.operations import backup, health
from mailcore.services.signin import web_sessions

LEAKED, NEWER, KARIS = "en god lang setning", "en helt annen setning", "tre trette troll i tåka"
pytestmark = pytest.mark.sqlite  # what was on PostgreSQL is deleted before it is filled


def enter(core: cores.Core, password: str, name: str = "ola") -> Identity:
    return login.authenticate(core, name, password, peer="192.0.2.1", scope=Scope.IMAP)


def begin_and_back_up(config: Config, folder: Path) -> tuple[str, str]:
    """Back up an installation of two people; return what opens the first beside the password: an app's, a session."""
    core = cores.build(config)
    ola = accounts.add_account(core, "ola", password=LEAKED)
    accounts.add_account(core, "kari", password=KARIS)
    phone = app_passwords.create_app_password(core, ola.id, "Telefon", [Scope.IMAP])
    token = web_sessions.create_token()
    web_sessions.begin_session(core, token, ola.id, "", source="alumni", peer="192.0.2.1")
    backup.create_backup(config, folder, Clock())
    credentials.set_password(core, ola.id, NEWER, apps=True)
    late = accounts.add_account(core, "sen", password=NEWER)
    credentials.set_password(core, late.id, LEAKED)
    cores.close(core)
    return phone, token


def test_s14_what_was_changed_after_the_backup_stays_changed(tmp_path):
    config = Config(data=str(tmp_path / "var"))
    phone, token = begin_and_back_up(config, tmp_path / "backup")
    assert backup.restore_backup(config, tmp_path / "backup", Clock(), replace=True).newer == 1
    core = cores.build(config)
    try:
        assert health.check_installation(core, repair=False) == []
        for known in (LEAKED, phone):
            with pytest.raises(WrongPassword):
                enter(core, known)
        assert enter(core, NEWER).account.name == "ola"
        assert enter(core, KARIS, "kari").account.name == "kari"
        assert web_sessions.load_session(core, token) is None
        accounts.add_account(core, "sen", password=KARIS)  # ordered after the backup: the name is free
    finally:
        cores.close(core)


@pytest.mark.parametrize("loss", ["gone", "damaged", "another"])
def test_where_nothing_can_tell_the_backup_is_what_counts(tmp_path, loss):
    config = Config(data=str(tmp_path / "var"))
    begin_and_back_up(config, tmp_path / "backup")
    for suffix in ("", "-wal", "-shm"):
        config.database_path.with_name(config.database_path.name + suffix).unlink(missing_ok=True)
    if loss == "damaged":
        config.database_path.write_bytes(b"no database" * 1000)
    elif loss == "another":
        core = cores.build(config)
        accounts.add_account(core, "eva", password=NEWER)
        cores.close(core)
    newer = backup.restore_backup(config, tmp_path / "backup", Clock(), replace=True).newer
    assert newer == (0 if loss == "another" else None)
    core = cores.build(config)
    try:
        assert enter(core, LEAKED).account.name == "ola"
    finally:
        cores.close(core)

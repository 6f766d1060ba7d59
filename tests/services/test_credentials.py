"""App passwords, good passwords, and throttling that locks no owner out (S11, S14)."""

import hashlib
from dataclasses import replace

import pytest

from mailcore.config import Passwords
from mailcore.core import Core
from mailcore.domain import Account, Identity, Scope
from mailcore.errors import InvalidName, NotAllowed, TooMany, WeakPassword, WrongPassword
from mailcore.services.accounts import accounts
from mailcore.services.credentials import app_passwords, breached, credentials, login, login_log, strength
from mailcore.services.limits import throttle
from tests.services.conftest import SetClock
from tests.spoiled import spoil

GOOD = "en god lang setning"
HOME, STRANGER = "192.0.2.1", "203.0.113.9"


@pytest.fixture
def ola(core: Core) -> Account:
    return accounts.add_account(
        core, "ola", display_name="Ola Nordmann", password=GOOD, contact="nordis77@home.example"
    )


def enter(core: Core, password: str, scope: Scope = Scope.IMAP, peer: str = HOME, name: str = "ola") -> Identity:
    return login.authenticate(core, name, password, peer=peer, scope=scope)


# App passwords


def test_an_app_password_opens_what_it_was_made_for_and_nothing_else(core: Core, ola: Account) -> None:
    made = app_passwords.create_app_password(core, ola.id, "Telefon", [Scope.IMAP, Scope.SMTP])
    assert enter(core, made, Scope.IMAP).source == "app"
    assert enter(core, made.replace("-", " ").upper(), Scope.SMTP).source == "app"
    for scope in (Scope.SIEVE, Scope.PORTAL):
        with pytest.raises(WrongPassword):
            enter(core, made, scope)


def test_an_app_password_that_is_withdrawn_opens_nothing_and_its_connections_end(core: Core, ola: Account) -> None:
    made = app_passwords.create_app_password(core, ola.id, "Telefon", [Scope.IMAP])
    opened = enter(core, made)
    other = enter(core, GOOD)
    [known] = app_passwords.list_app_passwords(core, ola.id)
    app_passwords.revoke_app_passwords(core, ola.id, known.id)
    with pytest.raises(WrongPassword):
        enter(core, made)
    stands = [core.db.read(lambda tx, who=who: login.is_still_valid(tx, who)) for who in (opened, other)]
    assert stands == [False, True]


def test_the_last_use_of_an_app_password_is_told_with_its_place(core: Core, ola: Account, clock: SetClock) -> None:
    made = app_passwords.create_app_password(core, ola.id, "Telefon", [Scope.IMAP])
    assert app_passwords.list_app_passwords(core, ola.id)[0].last_used_at is None
    enter(core, made, peer="2001:db8:1:2:3:4:5:6")
    core.db.write(lambda tx: None)  # notes go in order
    assert app_passwords.list_app_passwords(core, ola.id)[0].last_used_at == clock.now()
    [event] = login_log.list_logins(core, ola.id)
    assert (event.scope, event.source, event.credential, event.place) == ("imap", "app", "Telefon", "2001:db8:1:2::/64")


@pytest.mark.parametrize(
    ("label", "scopes", "problem"),
    [
        ("", [Scope.IMAP], InvalidName),
        ("x", [], NotAllowed),
        ("x", [Scope.PORTAL], NotAllowed),
    ],
)
def test_an_app_password_needs_a_name_and_opens_mail_only(core, ola, label, scopes, problem):
    with pytest.raises(problem):
        app_passwords.create_app_password(core, ola.id, label, scopes)


# What a password must be


@pytest.mark.parametrize("password", [
    "elevenchars", "password1234", "Password2026!", "p4ssw0rd!!!!", "qwertyuiop12", "aaaaaaaaaaaa", "sommersommer",
    "Sommer2026!!", "fotball123456", "rosenborg1917", "123456789012", "abcdefghijkl", "lalalalalala", "hemmeligpassord",
    "ola-nordmann-1984", "nordis77nordis77", "velkommen2026", "iloveyou!!!!", "monkeydragon", "tab\tis\tcontrol",
])  # fmt: skip
def test_s14_a_password_that_others_would_guess_is_refused(core, ola, password):
    with pytest.raises(WeakPassword):
        strength.check_strength(password, ola)


@pytest.mark.parametrize("password", [
    GOOD, "correct horse battery", "Blåbærsyltetøy på vafler", "tr0ub4dor&3xyz", "kQ7vRz2mXp9w", "四書五經是中國古代的經典書籍",
    "jeg liker å gå på ski om vinteren", "ÆØÅæøå er fine bokstaver",
])  # fmt: skip
def test_s14_a_long_password_needs_no_signs(core, ola, password):
    strength.check_strength(password, ola)


def test_s14_the_hostile_password_costs_little(core: Core, ola: Account) -> None:
    with pytest.raises(WeakPassword):
        strength.check_strength("abc" * 340, ola)
    strength.check_strength("passordx" * 120 + "zq", ola)


def test_s14_letters_are_the_same_however_they_are_typed(core: Core, ola: Account) -> None:
    credentials.set_password(core, ola.id, "bl\u00e5b\u00e6r\u00a0og fl\u00f8te")
    assert enter(core, "bla\u030ab\u00e6r og fl\u00f8te").source == "alumni"


def test_s11_passwords_are_argon2id_with_a_salt_of_their_own(real_passwords: None, core: Core, ola: Account) -> None:
    accounts.add_account(core, "kari", password=GOOD)
    hashes = [row[0] for row in core.db.read(lambda tx: tx.rows("SELECT hash FROM credential"))]
    assert all(hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for hashed in hashes)
    assert len(set(hashes)) == 2


# Throttling


def fail(core: Core, times: int, peer: str, name: str = "ola") -> None:
    for number in range(times):
        with pytest.raises(WrongPassword):
            enter(core, f"wrong {number}", peer=peer, name=name)


def test_a_stranger_cannot_lock_the_owner_out(core: Core, ola: Account, clock: SetClock) -> None:
    enter(core, GOOD)  # the owner's place is known from now on
    core.db.write(lambda tx: None)
    limit = core.config.limits.login_failures_per_hour

    def attack(tx):
        for number in range(limit * 20):
            tx.run(
                "INSERT INTO login_failure (account_id,peer,at,tag) VALUES (?,?,?,'')",
                ola.id,
                f"198.51.100.{number % 250}",
                clock.seconds(),
            )

    core.db.write(attack)
    assert enter(core, GOOD).source == "alumni"
    assert enter(core, GOOD, peer="192.0.2.200").source == "alumni"  # a new place has some tries, too
    fail(core, 3, STRANGER)
    with pytest.raises(TooMany):
        enter(core, GOOD, peer=STRANGER)


@pytest.mark.slow
def test_s08_the_count_of_failures_does_not_tell_names_from_others(core: Core, ola: Account) -> None:
    """A stranger who has used up the tries of one name that is nobody's learns nothing by another's answer."""
    fail(core, core.config.limits.login_failures_per_hour, STRANGER, name="nobody-1")
    for name in ("nobody-1", "NOBODY-1@alumni.example"):
        with pytest.raises(TooMany):
            enter(core, "x", peer=STRANGER, name=name)
    for name in ("nobody-2", "ola"):
        with pytest.raises(WrongPassword):
            enter(core, "x", peer=STRANGER, name=name)


@pytest.mark.sqlite
def test_a_day_of_guesses_is_not_walked_through_at_each_log_in(core: Core, ola: Account) -> None:
    def plan(tx) -> str:
        asked = (
            "SELECT count(*) FROM login_failure WHERE account_id=1 AND at>1",
            "DELETE FROM login_failure WHERE at<1",
            "SELECT count(*) FROM login_failure WHERE peer='x' AND at>1",
        )
        return " ".join(str(row[3]) for sql in asked for row in tx.rows(f"EXPLAIN QUERY PLAN {sql}"))

    assert "SCAN" not in core.db.read(plan)


@pytest.mark.slow
def test_a_stranger_at_the_owner_s_own_address_cannot_lock_the_owner_s_browser_out(core: Core, ola: Account) -> None:
    """In a hall of residence all come from one address."""
    kari = accounts.add_account(core, "kari", password=GOOD)
    limit = core.config.limits.login_failures_per_hour
    mine, hers = throttle.create_device_mark(core, ola.id), throttle.create_device_mark(core, kari.id)

    def attack(tx):
        for _ in range(limit * 20):
            tx.run(
                "INSERT INTO login_failure (account_id,peer,at,tag) VALUES (?,'192.0.2.1',?,'')",
                ola.id,
                core.clock.seconds(),
            )

    core.db.write(attack)

    def try_it(device: str, password: str = GOOD) -> None:
        login.authenticate(core, "ola", password, peer="192.0.2.1", scope=Scope.PORTAL, device=device)

    for forged in ("", hers, spoil(mine), "x.", ".", mine.partition(".")[0], "æ.ø"):
        with pytest.raises(TooMany):
            try_it(forged)
    try_it(mine)
    for number in range(limit):
        with pytest.raises(WrongPassword):
            try_it(mine, f"wrong {number}")
    with pytest.raises(TooMany):  # it gives room, and not without end
        try_it(mine)


def test_a_stranger_s_guesses_keep_no_app_password_out(core: Core, ola: Account) -> None:
    made = app_passwords.create_app_password(core, ola.id, "phone", [Scope.IMAP])

    def attack(tx):
        for _ in range(core.config.limits.login_failures_per_hour * 20):
            tx.run(
                "INSERT INTO login_failure (account_id,peer,at,tag) VALUES (?,'192.0.2.1',?,'')",
                ola.id,
                core.clock.seconds(),
            )

    core.db.write(attack)
    assert enter(core, made, peer="192.0.2.1").source == "app"
    for wrong in (GOOD, spoil(made)):
        with pytest.raises(TooMany):
            enter(core, wrong, peer="192.0.2.1")


def test_one_who_tries_many_accounts_is_stopped(core: Core, ola: Account, clock: SetClock) -> None:
    limit = core.config.limits.login_failures_per_hour

    def spray(tx):
        for number in range(limit * 10):
            tx.run(
                "INSERT INTO login_failure (account_id,peer,at,tag) VALUES (?,?,?,'')",
                1000 + number,
                STRANGER,
                clock.seconds(),
            )

    core.db.write(spray)
    with pytest.raises(TooMany):
        enter(core, GOOD, peer=STRANGER)
    assert enter(core, GOOD).source == "alumni"


@pytest.mark.slow
def test_a_phone_that_repeats_an_old_password_locks_nobody_out(core: Core, ola: Account) -> None:
    for _ in range(core.config.limits.login_failures_per_hour + 5):
        with pytest.raises(WrongPassword):
            enter(core, "the old password")
    assert enter(core, GOOD).source == "alumni"


@pytest.mark.slow
def test_the_count_stands_in_the_database_and_takes_a_network_of_one_house_together(core: Core, ola: Account) -> None:
    for number in range(core.config.limits.login_failures_per_hour):
        with pytest.raises(WrongPassword):
            enter(core, f"wrong {number}", peer=f"2001:db8::{number:x}")
    with pytest.raises(TooMany):
        enter(core, GOOD, peer="2001:db8::ffff")
    assert core.db.read(lambda tx: tx.row("SELECT count(*) FROM login_failure")) == (30,)


@pytest.mark.parametrize("form", ["folder", "folder.txt", "file"])
def test_s14_a_password_of_a_breach_is_refused_by_the_site_s_own_list(
    core: Core, ola: Account, tmp_path, form: str
) -> None:
    listed, padded, free = "Vi seilte til Bergen i mai", "Katten sov under bordet", "Regnet falt hele dagen lang"
    digits = {word: hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest().upper() for word in (listed, padded)}
    others = [hashlib.sha1(str(n).encode(), usedforsecurity=False).hexdigest().upper() for n in range(500)]
    counts = {**dict.fromkeys(others, 7), digits[listed]: 3, digits[padded]: 0}
    path = tmp_path / "breached"
    if form == "file":
        path.write_text("".join(f"{one}:{count}\r\n" for one, count in sorted(counts.items())))
    else:
        path.mkdir()
        for one, count in counts.items():
            with (path / f"{one[:5]}{form.removeprefix('folder')}").open("a") as file:
                file.write(f"{one[5:]}:{count}\n")
    site = replace(core, config=replace(core.config, passwords=Passwords(str(path))))
    with pytest.raises(WeakPassword, match="breach of another service"):
        credentials.set_password(site, ola.id, listed)
    for word in (padded, free):
        credentials.set_password(site, ola.id, word)
    for n in (0, 250, 499):
        with pytest.raises(WeakPassword):
            breached.check_breached(site.config, str(n))
    breached.check_breached(site.config, "500")
    credentials.set_password(core, ola.id, listed)  # without the setting there is the shipped list alone
    path.rename(tmp_path / "elsewhere")
    credentials.set_password(site, ola.id, free)  # a list that has gone keeps nobody from a new password

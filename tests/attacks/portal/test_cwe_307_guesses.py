"""CWE-307: one throttle for every place that checks a secret, and none that goes around it."""

import ast
import asyncio
import base64
import collections
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from mailcore import config as settings
from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Account, Identity, Scope
from mailcore.errors import TooMany, WrongPassword
from mailcore.services.accounts import accounts, university
from mailcore.services.credentials import app_passwords, credentials, login, passwords
from mailcore.services.limits import throttle
from mailcore.services.limits.throttle import CODES, CODES_IN_ALL, IN_SESSION
from mailcore.services.signin import recovery, sasl_login, two_factor
from mailcore.wire.reader import SyntaxProblem
from portal import create_app
from tests import directory as directories
from tests.portal.conftest import PASSWORD, Browser
from tests.sasl_client import SaslClient

ROOT = Path(__file__).resolve().parents[3]
STRANGER = "203.0.113.9"
OWNER = "192.0.2.7"
LIMIT = 6  # instead of 30: a wrong password costs 20 ms
_number = iter(range(10**9))


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    made = cores.build(Config(data=str(tmp_path), limits=settings.Limits(login_failures_per_hour=LIMIT)))
    yield made
    cores.close(made)


@pytest.fixture
def ola(core: Core) -> Account:
    return accounts.add_account(core, "ola", password=PASSWORD)


def wrong() -> str:
    return f"wrong {next(_number)}"


# Where a secret is compared, and who asks the throttle before: a new place is a new line here, with its reason

GUARDED = {
    (
        "login.py",
        "_match_app_password",
        "app_passwords.matches",
    ): "a hundred random bits; what is wrong is counted by authenticate",
    ("login.py", "_match_password", "passwords.matches"): "authenticate asks",
    ("login.py", "_is_right", "passwords.matches"): "authenticate asks",
    ("login.py", "_ask_source", "source.check"): "authenticate asks",
    ("university.py", "verify_login", "directory.verify_login"): "asks",
    ("recovery.py", "create_link_by_code", "spend_code"): "asks",
    ("recovery.py", "spend_code", "store.spend_code"): "its callers stand here",
    ("two_factor.py", "check_code", "recovery.spend_code"): "fifty random bits",
    ("two_factor.py", "check_code", "_find_step"): "asks",
    ("two_factor.py", "finish_totp", "_find_step"): "the secret is on the page",
    ("sasl_login.py", "_list_verifiers", "scram.list_verifiers"): "login.list_usable_credentials asks",
    ("sasl_login.py", "_scram", "exchange.final"): "_list_verifiers has asked; what is wrong is counted",
    ("passkeys.py", "_check_answer", "verify_authentication_response"): "log_in asks; a key's answer cannot be guessed",
    ("security_keys.py", "check_answer", "verify_authentication_response"): "a key's answer cannot be guessed",
    ("oidc_login.py", "authenticate_bearer", "oidc.check_bearer_token"): "asks",
}
COMPARES = {one[2] for one in GUARDED} | {
    f"{owner}.{name}"
    for owner in (
        "passwords",
        "app_passwords",
        "credentials",
        "scram",
        "source",
        "directory",
        "the_directory",
        "recovery",
    )
    for name in ("matches", "verify", "check", "verify_login", "spend_code", "list_verifiers")
}


def _calls(function: ast.AST) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            at = node.func.value
            yield f"{at.id if isinstance(at, ast.Name) else getattr(getattr(at, 'func', at), 'attr', '')}.{node.func.attr}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def test_no_place_compares_a_secret_without_the_throttle() -> None:
    """Every call in mailcore and portal that could say whether a secret is right stands in the table."""
    found = {
        (path.name, function.name, called)
        for folder in ("mailcore", "portal")
        for path in (ROOT / folder).rglob("*.py")
        for function in ast.parse(path.read_text()).body
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for called in _calls(function)
        if called in COMPARES and path.name != "leaving.py"  # which has a _find_step of its own
    }
    assert found == set(GUARDED), found ^ set(GUARDED)


def test_whoever_is_asked_for_a_password_by_a_page_is_asked_by_the_throttle() -> None:
    """`current` and `login.authenticate` are the only doors of the portal."""
    doors = {
        (path.name, node.func.attr)
        for path in (ROOT / "portal").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "authenticate"
    }
    assert doors == {("views.py", "authenticate"), ("current.py", "authenticate")}


# Every door, knocked at until it stays shut

Door = Callable[[Core, Account], object]


DOORS: dict[str, Door] = {
    "the portal": lambda core, ola: login.authenticate(core, "ola", wrong(), peer=STRANGER, scope=Scope.PORTAL),
    "IMAP": lambda core, ola: login.authenticate(core, "ola", wrong(), peer=STRANGER, scope=Scope.IMAP),
    "SMTP": lambda core, ola: login.authenticate(core, "ola", wrong(), peer=STRANGER, scope=Scope.SMTP),
    "ManageSieve": lambda core, ola: login.authenticate(core, "ola", wrong(), peer=STRANGER, scope=Scope.SIEVE),
    "a name that is nobody's": lambda core, ola: login.authenticate(core, "no", wrong(), peer=STRANGER, scope=Scope.IMAP),
    "a page that asks once more": lambda core, ola: login.authenticate(
        core, "ola", wrong(), peer=STRANGER, scope=Scope.PORTAL, session="token"
    ),
    "the page that changes the password": lambda core, ola: credentials.change_password(
        core, ola.id, wrong(), "a new long sentence", peer=STRANGER, session="token"
    ),
    "SCRAM": lambda core, ola: (
        login.list_usable_credentials(core, "ola", peer=STRANGER, scope=Scope.IMAP),
        _raise(login.record_failure(core, "ola", STRANGER)),
    ),
    "a printed code": lambda core, ola: recovery.create_link_by_code(core, "ola", wrong(), peer=STRANGER),
    "the second step": lambda core, ola: two_factor.check_code(core, ola, "000000", peer=STRANGER),
}  # fmt: skip


def _raise(problem: Exception) -> None:
    raise problem


def _answer(core: Core, ola: Account, door: str) -> type[Exception]:
    with pytest.raises((WrongPassword, TooMany)) as problem:
        DOORS[door](core, ola)
    return problem.type


@pytest.mark.parametrize("door", DOORS)
def test_every_door_stays_shut_after_some_wrong_tries(core: Core, ola: Account, door: str) -> None:
    answers = [_answer(core, ola, door) for _ in range(max(LIMIT, IN_SESSION, CODES) + 2)]
    shut = answers.index(TooMany)
    assert answers == [WrongPassword] * shut + [TooMany] * (len(answers) - shut)


def test_the_doors_share_one_count(core: Core, ola: Account) -> None:
    """Ten at each door are as many as thirty at one."""
    names = ("the portal", "IMAP", "a printed code", "SCRAM", "SMTP")
    limit = core.config.limits.login_failures_per_hour
    for number in range(limit):
        with pytest.raises(WrongPassword):
            DOORS[names[number % len(names)]](core, ola)
    assert {_answer(core, ola, name) for name in (*names, "ManageSieve")} == {TooMany}


def test_tries_at_once_are_no_more_than_tries_one_by_one(
    core: Core, ola: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All were let in while nothing was counted yet; the right one is told apart no later than the wrong ones."""
    matches, at_once = passwords.matches, threading.Barrier(LIMIT + 4)

    def match_together(hashed: str, password: str) -> bool:
        at_once.wait()
        return password == PASSWORD or matches(hashed, password)

    def guess(password: str) -> type[Exception] | None:
        try:
            login.authenticate(core, "ola", password, peer=STRANGER, scope=Scope.IMAP)
        except (WrongPassword, TooMany) as problem:
            return type(problem)
        return None

    monkeypatch.setattr(passwords, "matches", match_together)
    with ThreadPoolExecutor(LIMIT + 4) as pool:
        answers = list(pool.map(guess, [wrong() for _ in range(LIMIT + 4)]))
    assert collections.Counter(answers) == {WrongPassword: LIMIT, TooMany: 4}

    def match_last(hashed: str, password: str) -> bool:
        """The right one, which was let in before any of the wrong ones was counted."""
        monkeypatch.setattr(passwords, "matches", matches)
        for _ in range(LIMIT):
            with pytest.raises(WrongPassword):
                login.authenticate(core, "ola", wrong(), peer=OWNER, scope=Scope.IMAP)
        return matches(hashed, password)

    monkeypatch.setattr(passwords, "matches", match_last)
    with pytest.raises(TooMany):
        login.authenticate(core, "ola", PASSWORD, peer=OWNER, scope=Scope.IMAP)


def test_exchanges_that_were_begun_before_are_no_more_tries(core: Core, ola: Account) -> None:
    """SCRAM asks the throttle, then sends a challenge, and waits for as long as the client likes."""

    async def play(core: Core) -> list[object]:
        begun, answer, answer_right = asyncio.Semaphore(0), asyncio.Event(), asyncio.Event()

        async def log_in(password: str, wait: asyncio.Event) -> Identity | None:
            async def ask(challenge: bytes) -> bytes:
                if challenge.startswith(b"v="):
                    return b""
                begun.release()
                await wait.wait()
                return _prove(challenge, password)

            return await sasl_login.authenticate(
                core, SaslClient(STRANGER), "SCRAM-SHA-256", b"n,," + BARE, ask, Scope.IMAP
            )

        right = asyncio.create_task(log_in(PASSWORD, answer_right))
        others = [asyncio.create_task(log_in(wrong(), answer)) for _ in range(LIMIT + 4)]
        for _ in range(LIMIT + 5):
            await begun.acquire()
        answer.set()
        answers = await asyncio.gather(*others, return_exceptions=True)
        answer_right.set()
        return [*answers, *await asyncio.gather(right, return_exceptions=True)]

    *answers, right = (type(one) for one in asyncio.run(play(core)))
    assert collections.Counter(answers) == {WrongPassword: LIMIT, TooMany: 4}
    assert right is TooMany


BARE = b"n=ola,r=abc"


def _prove(challenge: bytes, password: str) -> bytes:
    """Answer a challenge as a client does (RFC 5802 section 3)."""
    nonce, salt, count = (part.split(b"=", 1)[1] for part in challenge.split(b","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(count))
    key, final = hmac.digest(salted, b"Client Key", "sha256"), b"c=biws,r=" + nonce
    signed = hmac.digest(hashlib.sha256(key).digest(), b",".join((BARE, challenge, final)), "sha256")
    return final + b",p=" + base64.b64encode(bytes(a ^ b for a, b in zip(key, signed, strict=True)))


@pytest.mark.parametrize("scope", [Scope.IMAP, Scope.SMTP, Scope.SIEVE])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_programs_are_counted_by_the_account_that_they_open_however_they_name_it(
    core: Core, ola: Account, scope: Scope, mechanism: str
) -> None:
    """The authorization identity must be the user name itself, so there is no second key to guess under."""

    def log_in(name: str, password: str, acts_for: str = "") -> type[Exception] | None:
        answers = iter([password.encode()])

        async def ask(challenge: bytes) -> bytes:
            return next(answers)

        first = f"{acts_for}\0{name}\0{password}" if mechanism == "PLAIN" else name
        client = SaslClient(STRANGER)
        talk = sasl_login.authenticate(core, client, mechanism, first.encode(), ask, scope)
        try:
            asyncio.run(talk)
        except (WrongPassword, TooMany, SyntaxProblem) as problem:
            return type(problem)
        return None

    if mechanism == "PLAIN":
        assert {log_in("ola", PASSWORD, "kari") for _ in range(LIMIT + 1)} == {SyntaxProblem}  # and nothing is compared
        assert log_in("kari", PASSWORD, "ola") is SyntaxProblem
    names = ("ola", "OLA", "ola@alumni.example", " Ola@ALUMNI.example")
    for number in range(LIMIT):
        name = names[number % len(names)]
        assert log_in(name, wrong(), name if number % 2 else "") is WrongPassword
    assert {log_in(name, PASSWORD) for name in names} == {TooMany}
    assert login.authenticate(core, "ola", PASSWORD, peer=OWNER, scope=scope).account == ola


def test_the_university_s_password_is_counted_with_ours(tmp_path: Path) -> None:
    """Somebody orders, and somebody logs in: the same name from the same place."""
    with directories.university(tmp_path) as slapd:
        slapd.add("ola", "p1", "en annen lang setning", "student")
        core = cores.build(Config(data=str(tmp_path / "data"), directory=slapd.settings()))
        accounts.add_account(core, "ola", password=PASSWORD, person="p1")

        def order(name: str, password: str, peer: str = STRANGER) -> type[BaseException] | None:
            try:
                university.verify_login(core, name, password, peer=peer)
            except (WrongPassword, TooMany) as problem:
                return type(problem)
            return None

        assert [order("ola", wrong()) for _ in range(university.MOST + 1)] == [WrongPassword] * university.MOST + [
            TooMany
        ]
        limit = core.config.limits.login_failures_per_hour
        for _ in range(limit - university.MOST):
            with pytest.raises(WrongPassword):
                login.authenticate(core, "ola", wrong(), peer=STRANGER, scope=Scope.PORTAL)
        with pytest.raises(TooMany):
            login.authenticate(core, "ola", "en annen lang setning", peer=STRANGER, scope=Scope.PORTAL)
        # what a directory takes for the same name is not another one
        for name in ("o\u00adla", "\uff4fla", "ola\u200b", "o la", "ola\t"):
            assert order(name, "en annen lang setning", "198.51.100.4") is (None if name == "ola\t" else WrongPassword)
        assert order("ola", "en annen lang setning", OWNER) is None
        cores.close(core)


@pytest.mark.parametrize("door", DOORS)
def test_a_stranger_at_any_door_keeps_the_owner_s_browser_out_of_none(core: Core, ola: Account, door: str) -> None:
    mine = throttle.create_device_mark(core, ola.id)
    for _ in range(LIMIT * 2):
        _answer(core, ola, door)
    # the same network place, as in a hall of residence: the browser's mark tells them apart
    assert login.authenticate(core, "ola", PASSWORD, peer=STRANGER, scope=Scope.PORTAL, device=mine).account == ola
    login.authenticate(core, "ola", PASSWORD, peer=STRANGER, scope=Scope.PORTAL, session="another")
    made = app_passwords.create_app_password(core, ola.id, "phone", [Scope.IMAP])
    login.authenticate(core, "ola", made, peer=STRANGER, scope=Scope.IMAP)


@pytest.mark.parametrize(
    ("places", "times"),
    [
        ([f"2001:db8:1:1::{n:x}" for n in range(1, 90)], 1),
        ([f"2001:db8:1:{n:x}::1" for n in range(90)], 2),
        ([f"2001:db8:1:{n:x}00::1" for n in range(90)], 4),
        ([f"2001:db8:{n:x}::1" for n in range(90)], 40),
        ([f"198.51.100.{n}" for n in range(90)], 4),
        ([f"::ffff:198.51.100.{n}" for n in range(90)], 4),
    ],
)
def test_a_whole_network_is_a_place_with_a_higher_bound(
    core: Core, monkeypatch: pytest.MonkeyPatch, places: list[str], times: int
) -> None:
    """Each address guesses one name's password, and the next one another's."""
    limit = core.config.limits.login_failures_per_hour
    monkeypatch.setattr(throttle, "IN_ALL", 1)
    most = limit * times
    for number in range(most):
        throttle.record_failure(
            core, throttle.check_name(core, f"name{number}", peer=places[number % 90 % len(places)])
        )
    for number in range(3):
        with pytest.raises(TooMany):
            throttle.check_name(core, f"another{number}", peer=places[number])
    throttle.check_name(core, "ola", peer="2001:db9::1")
    throttle.check_name(core, "ola", peer="192.0.2.1")


# The second step


@pytest.fixture
def secured(core: Core, ola: Account) -> Account:
    secret, _uri = two_factor.begin_totp(core, ola)
    digest = hmac.digest(base64.b32decode(secret), (core.clock.seconds() // 30).to_bytes(8, "big"), "sha1")
    at = digest[-1] & 15
    two_factor.finish_totp(core, ola, f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 10**6:06}")
    return ola


def test_whoever_knows_the_password_uses_up_no_code_of_the_owner_s(core: Core, secured: Account) -> None:
    codes = recovery.create_codes(core, secured)
    mine = throttle.create_device_mark(core, secured.id)
    for number in range(CODES_IN_ALL + CODES):
        with pytest.raises((WrongPassword, TooMany)):
            two_factor.check_code(core, secured, "000000", peer=f"203.0.113.{number}")
    with pytest.raises(TooMany):
        two_factor.check_code(core, secured, "000000", peer="198.51.100.1")
    with pytest.raises(WrongPassword):  # the browser that the owner used before has a lane of its own
        two_factor.check_code(core, secured, "000000", peer="203.0.113.1", device=mine)
    two_factor.check_code(core, secured, codes[0], peer="198.51.100.1")  # and a printed code is good from anywhere
    for _ in range(CODES - 1):
        with pytest.raises(WrongPassword):
            two_factor.check_code(core, secured, "000000", peer=OWNER, device=mine)
    with pytest.raises(TooMany):
        two_factor.check_code(core, secured, "000000", peer=OWNER, device=mine)


def test_right_codes_are_not_counted(core: Core, secured: Account) -> None:
    codes = recovery.create_codes(core, secured)
    for code in codes:
        two_factor.check_code(core, secured, code, peer=OWNER)
    for _ in range(CODES):
        with pytest.raises(WrongPassword):
            two_factor.check_code(core, secured, "000000", peer=OWNER)


# The pages


def _client(core: Core, peer: str = STRANGER) -> FlaskClient:
    client = create_app(core).test_client()
    client.environ_base["REMOTE_ADDR"] = peer
    return client


@pytest.mark.parametrize("page", ["/password", "/account/apps", "/account/contact", "/account/close", "/forwarding"])
def test_a_page_that_asks_once_more_is_no_place_to_guess(core: Core, ola: Account, page: str) -> None:
    """Somebody at a browser that was left open must not guess the password there."""
    browser = Browser(_client(core))
    assert browser.log_in().status_code == 303
    fields = {
        "/password": {"password": "a new long sentence", "again": "a new long sentence"},
        "/account/apps": {"label": "phone", "scopes": "imap"},
        "/account/contact": {"address": "ola@outside.example"},
        "/account/close": {"sure": "y", "name": "ola"},
        "/forwarding": {"target": "ola@outside.example", "rolling_days": "0"},
    }[page]
    secret = "password" if page == "/forwarding" else "current"
    codes = [browser.send(page, to=page, **fields, **{secret: wrong()}).status_code for _ in range(IN_SESSION + 2)]
    assert codes == [403] * IN_SESSION + [429, 429]
    other = Browser(_client(core))  # the owner logs in anew, at the same place, and is asked as ever
    assert other.log_in().status_code == 303
    assert other.send(page, to=page, **fields, **{secret: PASSWORD}).status_code in (200, 303)

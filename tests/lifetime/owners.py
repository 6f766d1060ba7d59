"""Owners in a lifetime: they order, log in, forget, lose, marry, move, fall silent, come back, close."""

import secrets
from base64 import b32decode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from mailcore.domain import Scope
from mailcore.errors import AccountExists, LinkExpired, MailError, NotAllowed, TooMany
from mailcore.services.accounts import accounts, addresses, closing, name_changes, orders
from mailcore.services.credentials import contact_addresses, credentials, login, login_log, waking
from mailcore.services.forwarding import forwarding
from mailcore.services.limits import throttle
from mailcore.services.signin import oidc_login, password_requests, recovery, two_factor
from tests.lifetime.life import Habit, Life
from tests.lifetime.outside import Reader
from tests.lifetime.world import AGENTS, World

WAYS = ("contact address", "recovery code", "university log-in", "help desk")
_FIRST = (
    "Anne",
    "Bjørn",
    "Cecilie",
    "Dag",
    "Eva",
    "Finn",
    "Gro",
    "Hans",
    "Ida",
    "Jon",
    "Kari",
    "Lars",
    "Siri",
    "Tor",
    "Åse",
)
_LAST = ("Berg", "Dahl", "Eide", "Foss", "Grande", "Haugen", "Lie", "Moen", "Nordmann", "Olsen", "Ruud", "Vik", "Øien")


def make_person(world: World) -> Life:
    """Somebody whom the university has taken in."""
    state, chance = world.state, world.chance
    state.made += 1
    number = state.made
    name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
    place = f"2.{number >> 16 & 127}.{number >> 8 & 255}.{number & 255}"
    life = Life(f"p{number}", name, f"u{number}", f"university sentence {chance.getrandbits(48):x}", place)
    life.language = chance.choice(("nb", "nn", "en"))
    life.habit = chance.choices((Habit.OFTEN, Habit.SELDOM, Habit.NEVER), (6, 3, 1))[0]
    state.lives.append(life)
    return life


def _expect_letter(world: World, address: str) -> str:
    world.state.outside.awaited.add(address)
    return address


def make_password(world: World) -> str:
    return f"hx{world.chance.getrandbits(80):020x}zq"


def order(world: World, life: Life, name: str = "") -> None:
    """Order an account with the university's log-in, confirm the contact address, choose a password."""
    core = world.core
    proven = life.prove()
    name = name or next(iter(orders.propose_names(core, proven)), f"{life.login}x")
    contact = _expect_letter(world, world.state.outside.make_address(life.login))
    _order, account = orders.create_at_once(
        core,
        proven,
        name=name,
        contact=contact,
        language=life.language,
        terms=True,
        key=secrets.token_hex(8),
        peer=life.place,
    )
    life.account, life.user, life.is_closed, life.is_erased = account.id, account.name, False, False
    life.contacts.append(contact)
    life.password = make_password(world)
    credentials.set_password(core, account.id, life.password)
    life.device = throttle.create_device_mark(core, account.id)
    log_in(world, life)
    life.addresses |= set(accounts.list_addresses(core, account.id))
    world.state.outside.carry(core)
    confirm_contact(world, contact)
    if world.chance.random() < 0.3:
        life.codes = recovery.create_codes(core, account)
    if world.chance.random() < 0.1:
        add_phone(world, life)
    world.tally.count("accounts")


def confirm_contact(world: World, address: str) -> None:
    if token := world.state.outside.take_link(address, "account/contact"):
        contact_addresses.confirm_address(world.core, token)


def add_contact(world: World, life: Life) -> None:
    """Take the dead ones off and give a new one."""
    core, outside = world.core, world.state.outside
    life.contacts = [one for one in life.contacts if outside.readers[one] is Reader.OWNER]
    life.contacts = life.contacts[-contact_addresses.MOST + 1 :]
    for one in contact_addresses.list_verified(core, life.account):
        if one not in life.contacts:
            contact_addresses.remove_address(core, life.account, one)
    address = _expect_letter(world, outside.make_address(life.login))
    contact_addresses.request_verification(core, life.account, address, peer=life.place)
    outside.carry(core)
    confirm_contact(world, address)
    life.contacts.append(address)
    world.tally.count("contact addresses given")


def add_phone(world: World, life: Life) -> None:
    account = accounts.load_account(world.core, life.account)
    life.secret, _uri = two_factor.begin_totp(world.core, account)
    two_factor.finish_totp(world.core, account, _code(world, life))
    life.has_factor = True
    life.codes = recovery.create_codes(world.core, account)


def _code(world: World, life: Life) -> str:
    return HOTP(b32decode(life.secret), 6, SHA1()).generate(world.core.clock.seconds() // 30).decode()


# Ways in


def log_in(world: World, life: Life) -> bool:
    """Log in with what the owner remembers; False: it opens nothing."""
    core = world.core
    if not life.password:
        return False
    try:
        identity = login.authenticate(
            core, life.user, life.password, peer=life.place, scope=Scope.PORTAL, device=life.device
        )
    except MailError:
        return False
    if two_factor.is_on(core, identity.account.id) and not _second_step(world, life):
        return False
    life.device = throttle.create_device_mark(core, identity.account.id)
    world.tally.count("log-ins")
    return not accounts.load_account(core, identity.account.id).asleep  # else mail programs stay closed


def _second_step(world: World, life: Life) -> bool:
    account = accounts.load_account(world.core, life.account)
    world.wait(seconds=90)  # a code is good once
    code = _code(world, life) if life.secret else life.codes.pop() if life.codes else ""
    try:
        two_factor.check_code(world.core, account, code, peer=life.place, device=life.device)
    except MailError:
        return False
    if account.asleep:
        waking.wake_account(world.core, account.id)
    if not life.secret:
        renew_phone(world, life)
    return True


def renew_phone(world: World, life: Life) -> None:
    """Inside again without the telephone: its app goes, a new one comes."""
    account = accounts.load_account(world.core, life.account)
    for factor in two_factor.list_factors(world.core, account.id):
        two_factor.remove_factor(world.core, account, factor.id)
    add_phone(world, life)


def enter(world: World, life: Life) -> bool:
    """Get in by any way there is: the password, then each way of recovery, the desk last."""
    return log_in(world, life) or any(_try(world, life, way) and log_in(world, life) for way in WAYS)


def _try(world: World, life: Life, way: str) -> bool:
    for _ in range(2):
        try:
            done = _RECOVERIES[way](world, life)
        except TooMany:
            world.wait(hours=2)
            continue
        except MailError:
            return False
        if done:
            world.tally.count(f"by {way}")
        return done
    return False


def _by_contact(world: World, life: Life) -> bool:
    outside = world.state.outside
    mine = [one for one in life.contacts if outside.readers[one] is Reader.OWNER]
    if not mine:
        return False
    for one in mine:
        _expect_letter(world, one)
    password_requests.send_links(world.core, life.user, peer=life.place, device=life.device)
    outside.carry(world.core)
    token = next(filter(None, (outside.take_link(one, "password/link") for one in mine)), "")
    return bool(token) and _redeem(world, life, token)


def _by_code(world: World, life: Life) -> bool:
    if not life.codes or life.has_factor:  # the second step needs the code
        return False
    link = recovery.create_link_by_code(world.core, life.user, life.codes.pop(), peer=life.place)
    return _redeem(world, life, link.rpartition("/")[2])


def _by_university(world: World, life: Life) -> bool:
    if not life.is_tied or oidc_login.log_in(world.core, life.prove(), peer=life.place) is None or life.has_factor:
        return False
    life.password = make_password(world)
    credentials.set_password(world.core, life.account, life.password)
    life.device = throttle.create_device_mark(world.core, life.account)
    return True


def _by_desk(world: World, life: Life) -> bool:
    """In person, with a passport; a second agent agrees where there is a second step."""
    first, second = AGENTS
    issued = recovery.issue_link(world.core, life.user, agent=first, proof="passport seen")
    if issued.waiting:
        issued = recovery.approve_recovery(world.core, issued.waiting.id, agent=second)
        life.secret, life.has_factor = "", False
    return _redeem(world, life, issued.link.rpartition("/")[2])


def _redeem(world: World, life: Life, token: str) -> bool:
    life.password = make_password(world)
    identity = credentials.redeem_link(world.core, token, life.password)
    # as the page of the link does, which lets its owner in
    login_log.record_login(world.core, identity, Scope.PORTAL, life.place)
    if not life.has_factor:
        life.device = throttle.create_device_mark(world.core, identity.account.id)
    return True


_RECOVERIES = dict(zip(WAYS, (_by_contact, _by_code, _by_university, _by_desk), strict=True))


# A life


def live(world: World) -> None:
    """Let four weeks of everybody's life pass."""
    here, chance, outside = world.people_here(), world.chance, world.state.outside
    year = len(world.tally.years)
    for life in here:
        if life.returns_at and life.returns_at <= year:
            life.returns_at, life.habit = 0, Habit.SELDOM
    often = [life for life in here if life.habit is Habit.OFTEN]
    seldom = [life for life in here if life.habit is Habit.SELDOM]
    for life in [*world.pick(often, 0.2), *world.pick(seldom, 0.04)]:
        _visit(world, life)
    for life in world.pick(here, 0.02):
        life.password = ""
    for life in world.pick(here, 0.004):
        life.device = life.secret = ""  # the telephone is lost, and its browser
    for life in world.pick(here, 0.01):
        life.codes = []
    for life in world.pick(here, 0.003):
        for contact in life.contacts:
            outside.kill(contact, world.core.clock.seconds())
    for life in world.pick(often, 0.002):
        life.habit, life.returns_at = Habit.NEVER, year + chance.randrange(2, 6)
    for life in world.pick(here, 0.001):
        life.habit = Habit.NEVER
    for life in world.pick(here, 0.002):
        _leak(world, life)
    for life in world.pick(here, 0.0008):
        _close(world, life)
    for life in world.pick([one for one in world.state.lives if one.is_closed], 0.03):
        _come_again(world, life)


def _visit(world: World, life: Life) -> None:
    """Log in, and see to what is there to be seen to."""
    core, outside, chance = world.core, world.state.outside, world.chance
    if not enter(world, life):
        return  # counted where everybody's ways in are looked at
    if not any(outside.readers[one] is Reader.OWNER for one in life.contacts) or chance.random() < 0.01:
        add_contact(world, life)
    if (offer := name_changes.find_offer(core, life.account)) is not None:
        written = offer.choices[0] if offer.choices and chance.random() < 0.7 else ""
        name_changes.accept_name(core, life.account, written)
        world.tally.count("names changed")
    if chance.random() < 0.01:
        choices = addresses.read_overview(core, life.account).choices
        if choices:
            addresses.choose_address(core, life.account, chance.choice(choices))
            world.tally.count("addresses chosen")
    if not life.forwards_to and chance.random() < 0.01 and life.contacts:
        _forward(world, life)
    life.addresses |= set(accounts.list_addresses(core, life.account))


def _forward(world: World, life: Life) -> None:
    target = _expect_letter(world, life.contacts[-1])
    try:
        forwarding.set_forwarding(world.core, life.account, target, copy=world.chance.random() < 0.5)
    except MailError:
        return
    world.state.outside.carry(world.core)
    if token := world.state.outside.take_link(target, "forwarding/confirm"):
        forwarding.confirm_by_link(world.core, token)
        life.forwards_to = target


def _leak(world: World, life: Life) -> None:
    """The password was used elsewhere, too, and is in everybody's hands."""
    if life.password:
        world.state.leaked += [(name, life.password) for name in {life.user, *life.addresses}]
        world.tally.count("passwords leaked")


def _close(world: World, life: Life) -> None:
    _account, life.undo = closing.close_account(world.core, life.user)
    life.is_closed = True
    world.state.freed += sorted(life.addresses)
    world.tally.count("accounts closed")


def _come_again(world: World, life: Life) -> None:
    """Undo the closing, or order the address anew: it is theirs for life."""
    try:
        closing.undo_closing(world.core, life.undo.rpartition("/")[2])
    except LinkExpired:
        try:
            life.codes, life.secret, life.has_factor, life.device, life.forwards_to = [], "", False, "", ""
            order(world, life, life.user)
        except (NotAllowed, AccountExists, MailError):
            return
    life.is_closed, life.undo = False, ""
    world.tally.count("accounts opened again")

"""Thieves: stolen passwords, addresses of the dead, names that seem free, a user name that the university handed on."""

import secrets

from mailcore.domain import Scope
from mailcore.errors import MailError
from mailcore.services.accounts import accounts, addresses, orders
from mailcore.services.credentials import credentials, login
from mailcore.services.signin import password_requests, two_factor
from tests.lifetime import mail, owners
from tests.lifetime.life import Life
from tests.lifetime.outside import Reader
from tests.lifetime.tally import Invariant
from tests.lifetime.world import World

RECYCLED_SECONDS = 200 * 86_400
SCOPES = (Scope.PORTAL, Scope.IMAP, Scope.SMTP, Scope.SIEVE)


def prowl(world: World) -> None:
    """Let thieves try what they try in four weeks."""
    _try_leaked(world)
    _recycle(world)
    _grab_names(world)
    _use_handed_on_logins(world)


def _try_leaked(world: World) -> None:
    """Leaked passwords, a few each month and now and then many among guesses, from another part of the world."""
    chance, leaked = world.chance, world.state.leaked
    if not leaked:
        return
    is_wave = world.state.step % 13 == 6
    number = min(len(leaked), 400 if is_wave else 20)
    for name, password in chance.sample(leaked, number):
        peer = f"1.{chance.randrange(2)}.{chance.randrange(4)}.{chance.randrange(250)}"
        for guess in (["gjettet passord"] * is_wave) + [password]:
            _try_to_open(world, name, guess, peer)


def _try_to_open(world: World, name: str, password: str, peer: str) -> None:
    world.tally.count("break-ins tried")
    scope = world.chance.choice(SCOPES)
    try:
        identity = login.authenticate(world.core, name, password, peer=peer, scope=scope)
    except MailError:
        return
    if scope is Scope.PORTAL and (two_factor.is_on(world.core, identity.account.id) or identity.account.asleep):
        return  # the second step comes
    world.tally.breach(Invariant.OPENED, f"{identity.account.name} by a leaked password, {scope}")


def _recycle(world: World) -> None:
    """Get addresses that somebody had years ago, and ask for links there."""
    outside = world.state.outside
    by_contact = {one: life for life in world.people_here() for one in life.contacts}
    for address in outside.list_recyclable(world.core.clock.seconds() - RECYCLED_SECONDS):
        if world.chance.random() > 0.2:
            continue
        outside.readers[address] = Reader.THIEF
        world.tally.count("contact addresses taken over")
        life = by_contact.get(address)
        if life is None:
            continue
        for written in (life.user, address):
            try:
                password_requests.send_links(world.core, written, peer=f"2.200.0.{world.chance.randrange(250)}")
            except MailError:
                continue
            outside.carry(world.core)
            if token := outside.take_link(address, "password/link"):
                _open_by_link(world, life, token)
                break


def _open_by_link(world: World, life: Life, token: str) -> None:
    world.tally.count("break-ins tried")
    password = owners.make_password(world)
    try:
        credentials.redeem_link(world.core, token, password)
    except MailError:
        return
    if not two_factor.is_on(world.core, life.account):
        world.tally.breach(Invariant.OPENED, f"{life.user} by a contact address that is somebody else's now")


def _grab_names(world: World) -> None:
    """Order, bring in and have added what somebody had before."""
    freed, chance = world.state.freed, world.chance
    for address in chance.sample(freed, min(len(freed), 3)):
        localpart, _, domain = address.partition("@")
        stranger = Life("s" + secrets.token_hex(6), "Stranger Strand", localpart, "x", "2.201.0.1")
        own = next((one for one in world.state.lives if address in one.addresses), None)
        if own is None:
            continue
        grabs = [_import, _add] + [_order] * (domain == world.core.config.domain)
        for grab in grabs:
            world.tally.count("names grabbed at")
            try:
                grab(world, stranger, address)
            except MailError:
                continue
        after = mail.find_recipient(world, address)
        if after is not None and after.account != own.account:
            world.tally.breach(Invariant.GIVEN_AWAY, f"{address} was taken by a stranger")


def _order(world: World, stranger: Life, address: str) -> None:
    orders.create_at_once(
        world.core,
        stranger.prove(),
        name=address.partition("@")[0],
        contact="stranger@elsewhere.example",
        language="nb",
        terms=True,
        key=secrets.token_hex(8),
        peer=stranger.place,
    )


def _import(world: World, stranger: Life, address: str) -> None:
    localpart, _, domain = address.partition("@")
    new = accounts.NewAccount(f"x{secrets.token_hex(5)}", addresses=((localpart, domain),))
    list(accounts.import_accounts(world.core, [new]))


def _add(world: World, stranger: Life, address: str) -> None:
    agent = accounts.find_account(world.core, "agnes")
    addresses.add_address(world.core, agent.id, address, actor="administrator")


def _use_handed_on_logins(world: World) -> None:
    """Log in as a student whose user name at the university was another person's before."""
    lives = world.state.lives
    by_user = {life.user: life for life in lives if life.is_here}
    for life in lives:
        owner = by_user.get(life.login)
        if owner is None or owner is life or world.chance.random() > 0.2:
            continue
        world.tally.count("break-ins tried")
        try:
            login.authenticate(world.core, owner.user, life.university_password, peer=life.place, scope=Scope.IMAP)
        except MailError:
            continue
        world.tally.breach(Invariant.OPENED, f"{owner.user} by whom the university gave that user name to")

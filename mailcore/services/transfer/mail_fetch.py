"""Mail that an owner fetches from another IMAP server, in the portal (N32).

An import is a row: the server, the folders and how far each came.  What the owner does with it stands here; the server there is
asked by a job alone (mail_fetch_work.py).  The password there, or what the owner's consent at a provider gave (consents.py), is
sealed, and forgotten when the import is done, removed, or untouched for a week.
"""

import dataclasses
import re
from collections.abc import Callable, Sequence

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import (
    InvalidName,
    LinkExpired,
    NotAllowed,
    TooMany,
)
from mailcore.log import log_for
from mailcore.saying import Saying
from mailcore.services.limits import keys
from mailcore.services.transfer import consents
from mailcore.store.engine.db import Tx
from mailcore.store.site import fetches as store
from mailcore.store.site.fetches import Fetch, FetchState

log = log_for(__name__)
PORT = 993
MAX_FETCHES = 10  # of one account
FORGET_SECONDS = 7 * 86_400
_SEAL = "imports"
_STOPPED = (FetchState.PAUSED, FetchState.REFUSED, FetchState.FULL)
_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

# problems as the owner reads them; the database keeps the word
PROBLEMS = {
    "refused": Saying("The server there did not accept the user name and the password."),
    "consent ended": Saying("Your consent there has ended. Consent once more, and it goes on where it was."),
    "unreachable": Saying("The server there cannot be reached. We try again automatically."),
    "broken off": Saying("The server there broke off. We go on automatically, and nothing is duplicated."),
    "given up": Saying("The server there has not answered for a long time. Continue when it works again."),
    "full": Saying("Your mailbox is full. Make room, then continue."),
    "forgotten": Saying("Give the password there once more."),
}


def start_fetch(core: Core, account: AccountId, host: str, user: str, password: str, port: int = PORT) -> int:
    """Begin an import: the folders there are listed, and nothing is fetched before the owner has chosen.

    Raises:
        NotAllowed: the site has turned it off, or the server may not be asked.
        InvalidName: the name of the server, the user name or the password cannot be one.
        TooMany.
    """
    if not core.config.imports.enabled:
        raise NotAllowed("imports are off")
    host, user = host.strip().lower().rstrip("."), user.strip()
    if not _HOST.fullmatch(host) or not 0 < port < 2**16:
        raise InvalidName(Saying("That is not the name of a server. It looks like imap.example.org."))
    if not _is_credential(user, 320) or not _is_credential(password, 1000):
        raise InvalidName(Saying("Give the user name and the password there."))
    if port != PORT and not core.config.imports.networks:
        raise NotAllowed(Saying("Mail is fetched from port 993 only."))

    def write(tx: Tx) -> int:
        return _add(core, tx, account, host, port, user, lambda id_: _seal(core, account, id_, password))

    return core.db.write(write)


def _add(
    core: Core,
    tx: Tx,
    account: AccountId,
    host: str,
    port: int,
    user: str,
    seal: Callable[[int], str],
    provider: str = "",
) -> int:
    """Raises TooMany."""
    now = core.clock.seconds()
    if len(store.list_fetches(tx, account)) >= MAX_FETCHES:
        raise TooMany(Saying("There are many imports already. Remove one first."))
    id_ = store.add_fetch(tx, account, host, port, user, now, provider)
    store.save_secret(tx, id_, seal(id_))
    store.set_state(tx, id_, FetchState.LISTING, "", now)
    return id_


def start_by_consent(core: Core, account: AccountId, pending: consents.Pending, *, code: str, state: str) -> int:
    """Begin an import, or go on with one, by the consent with which the browser came back.

    Raises:
        LinkExpired: the answer is not to our question, or the import is gone.
        NotAllowed: the owner did not consent, or in the name of another mailbox than before.
        TooMany, TemporarilyUnavailable.
    """
    consent = consents.finish_consent(core, account, pending, code=code, state=state)
    provider = consents.find_provider(core, pending.provider)

    def seal(id_: int) -> str:
        return consents.seal_tokens(core, consent.tokens, f"{account} {id_}")

    def write(tx: Tx) -> int:
        if not pending.fetch:
            return _add(core, tx, account, provider.host, provider.port, consent.user, seal, provider.name)
        fetch = _find(tx, account, pending.fetch)
        if fetch.provider != provider.name or fetch.state not in _STOPPED:
            raise LinkExpired("there is nothing to go on with")
        if fetch.user.lower() != consent.user.lower():
            raise NotAllowed(Saying("That is another mailbox than before. Choose the same account there."))
        store.save_secret(tx, fetch.id, seal(fetch.id))
        _go_on(core, tx, fetch)
        return fetch.id

    return core.db.write(write)


def begin_again(core: Core, account: AccountId, id_: int) -> tuple[str, consents.Pending]:
    """Return where to send the browser for a new consent to an import, and the state to save.  Raises LinkExpired."""
    fetch = core.db.read(lambda tx: _find(tx, account, id_))
    return consents.begin_consent(core, account, fetch.provider, fetch=fetch.id, user=fetch.user)


def _is_credential(text: str, most: int) -> bool:
    return 0 < len(text) <= most and not any(ord(c) < 32 or ord(c) == 127 for c in text)


def _seal(core: Core, account: AccountId, id_: int, password: str) -> str:
    return keys.seal(core.config, _SEAL, password.encode("utf-8", "replace"), f"{account} {id_}")


def unseal_password(core: Core, fetch: Fetch) -> str | None:
    """Return the password there; None where it was forgotten."""
    octets = keys.unseal(core.config, _SEAL, fetch.sealed, f"{fetch.account} {fetch.id}") if fetch.sealed else None
    return None if octets is None else octets.decode("utf-8", "replace")


def list_fetches(core: Core, account: AccountId) -> list[Fetch]:
    """List the imports of an account, newest first."""
    return core.db.read(lambda tx: store.list_fetches(tx, account))


def choose_folders(core: Core, account: AccountId, id_: int, chosen: Sequence[str]) -> None:
    """Choose folders by their names here, and fetch them.  Raises LinkExpired, NotAllowed: none is chosen."""
    names = set(chosen)

    def write(tx: Tx) -> None:
        fetch = _find(tx, account, id_)
        if fetch.state is not FetchState.CHOOSING:
            raise LinkExpired("the folders are chosen already")
        folders = tuple(dataclasses.replace(folder, chosen=folder.name in names) for folder in fetch.folders)
        if not any(folder.chosen for folder in folders):
            raise NotAllowed(Saying("Choose some folders first."))
        store.save_folders(tx, id_, folders, core.clock.seconds())
        store.set_state(tx, id_, FetchState.RUNNING, "", core.clock.seconds())

    core.db.write(write)


def _find(tx: Tx, account: AccountId, id_: int) -> Fetch:
    fetch = store.find_fetch(tx, account, id_)
    if fetch is None:
        raise LinkExpired("there is no such import")
    return fetch


def pause_fetch(core: Core, account: AccountId, id_: int) -> None:
    """Pause an import; what is on its way is still saved.  Raises LinkExpired."""

    def write(tx: Tx) -> None:
        if _find(tx, account, id_).state in (FetchState.RUNNING, FetchState.LISTING):
            store.set_state(tx, id_, FetchState.PAUSED, "", core.clock.seconds())

    core.db.write(write)


def resume_fetch(core: Core, account: AccountId, id_: int, password: str = "") -> None:
    """Go on with an import that was paused, refused, or ended with a full mailbox.

    Raises:
        LinkExpired: there is no such import, or nothing to go on with.
        InvalidName: the password is needed once more.
    """

    def write(tx: Tx) -> None:
        fetch = _find(tx, account, id_)
        if fetch.state not in _STOPPED:
            raise LinkExpired("there is nothing to go on with")
        if fetch.provider and (not fetch.sealed or fetch.state is FetchState.REFUSED):
            raise InvalidName(PROBLEMS["consent ended"])
        if password and not fetch.provider:
            if not _is_credential(password, 1000):
                raise InvalidName(PROBLEMS["forgotten"])
            store.save_secret(tx, id_, _seal(core, account, id_, password))
        elif not fetch.sealed or fetch.state is FetchState.REFUSED:
            raise InvalidName(PROBLEMS["forgotten"])
        _go_on(core, tx, fetch)

    core.db.write(write)


def _go_on(core: Core, tx: Tx, fetch: Fetch) -> None:
    state = FetchState.RUNNING if any(folder.chosen for folder in fetch.folders) else FetchState.LISTING
    store.set_state(tx, fetch.id, state, "", core.clock.seconds())


def remove_fetch(core: Core, account: AccountId, id_: int) -> None:
    """Forget an import and the password there; mail that came stays."""
    core.db.write(lambda tx: store.delete_fetch(tx, account, id_))


def forget_passwords(core: Core) -> int:
    """Forget the passwords of imports that nobody has gone on with for a week; a job."""
    return core.db.write(lambda tx: store.forget_old(tx, core.clock.seconds() - FORGET_SECONDS))

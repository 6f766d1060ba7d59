"""Leave mailing lists: by one press where the list's request is signed (RFC 8058), else by mail, else on the list's page.

Nothing is asked for when a message is opened.  The request is a POST of ours without cookies, to a public address, with no
redirection followed; it tells the list nothing that the address of List-Unsubscribe does not.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Envelope
from mailcore.errors import LinkExpired, NotAllowed, TooMany
from mailcore.log import log_for
from mailcore.mail.passing.signature import read_tags
from mailcore.mail.reading import trace
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.octets import forget
from mailcore.mail.reading.organisation import organisational
from mailcore.mail.showing import list_fields
from mailcore.mail.showing.list_fields import Leaving, LeavingPage
from mailcore.mail.writing import composer, entities
from mailcore.mail.writing.composer import Heading
from mailcore.mail.writing.fields_out import NameAddr
from mailcore.services.delivery import submission
from mailcore.services.limits.turns import Turns
from mailcore.services.newsletters import topics
from mailcore.services.webmail import cautions, mail_actions, public_post
from mailcore.store.site import rates

log = log_for(__name__)
KEYWORD = "$Unsubscribed"  # at the message, so that other programs know, too
MAX_SIGNATURES = 5  # of which our own check tells
PRESSES, HOUR = 60, 3600  # of one account
SECONDS = 10  # for one request, however its answer drips
_COVERED = {"list-unsubscribe", "list-unsubscribe-post"}
# lists that take their time must not keep others from their mail
_turns = Turns(at_once=4, of_one=3, here=16, here_of_one=8, seconds=SECONDS)


@dataclass(frozen=True, slots=True)
class Ways:
    """Every way off a list that its message names; `press` only where it is signed."""

    press: LeavingPage | None = None
    mail: Leaving | None = None
    page: LeavingPage | None = None


def find_ways(core: Core, fields: Header) -> Ways:
    """Find the ways off the list.  `fields` are those of the message behind our own trace fields."""
    press = list_fields.find_one_press(fields)
    if press and not _find_own_token(core, press) and not _is_signed(core, fields):
        press = None
    return Ways(press, list_fields.leaving(fields), list_fields.find_leaving_page(fields))


def _find_own_token(core: Core, page: LeavingPage) -> str:
    """Return what a link to leave one of our own newsletters says, "" for every other; its key is its proof."""
    token = page.url.removeprefix(topics.get_leave_address(core))
    if token == page.url:
        return ""
    try:
        topics.read_leave_link(core, token)
    except LinkExpired:
        return ""
    return token


def has_left(flags: Iterable[str]) -> bool:
    """Say if the list of this message was left from here."""
    return KEYWORD.lower() in {flag.lower() for flag in flags}


def _is_signed(core: Core, fields: Header) -> bool:
    """Say if a signature of the author's own domain covers the request, and was right when the message came.

    RFC 8058 section 4 wants both fields covered.  Our own check names a signature by domain and selector; where two of one
    name differ, a stranger may have added one of them.
    """
    written = [read_tags(value) for value in fields.raw_values("dkim-signature")]
    authors = {organisational(one.host.lower()) for one in fields.authors if one.host}
    if not written or len(written) > MAX_SIGNATURES or len(authors) != 1:
        return False
    checked: dict[tuple[str, str], set[str]] = {}
    for result in cautions.own_results(core, fields):
        words = result.split()
        if words and words[0].startswith("dkim="):
            named = {key: value for key, _, value in (word.partition("=") for word in words)}
            checked.setdefault((named.get("header.d", ""), named.get("header.s", "")), set()).add(words[0])
    for (domain, selector), results in checked.items():
        if results != {"dkim=pass"} or organisational(domain) not in authors:
            continue
        same = [
            tags for tags in written if (tags.get("d", "").lower(), tags.get("s", "").lower()) == (domain, selector)
        ]
        if same and all({name.strip().lower() for name in tags.get("h", "").split(":")} >= _COVERED for tags in same):
            return True
    return False


def press(core: Core, account: AccountId, mailbox: str, uid: int) -> str:
    """Send the one request, and return the host that was asked.

    Raises:
        MailboxNotFound: the message is gone.
        NotAllowed: the list takes no such request, or its server did not say yes.
        TooMany: more lists in an hour than anybody leaves.
    """
    return _press(core, account, mailbox, uid, read_ways(core, account, mailbox, uid))


def _press(core: Core, account: AccountId, mailbox: str, uid: int, ways: Ways) -> str:
    page = ways.press
    if page is None:
        raise NotAllowed("this list takes no such request")
    now = core.clock.seconds()
    if not core.db.write(lambda tx: rates.count_if_allowed(tx, f"leave {account}", 1, PRESSES, HOUR, now)):
        raise TooMany("enough lists for this hour")
    if token := _find_own_token(core, page):
        topics.leave_topic(core, token)
    else:
        _ask(core, account, page)
    _mark(core, account, mailbox, uid)
    return page.host


def _write_to_list(core: Core, account: Account, mailbox: str, uid: int, leaving: Leaving) -> None:
    """Send the message that takes one off the list.  Raises TooMany, SendingHeld."""
    own = account.address(core.config.domain)
    heading = Heading(
        NameAddr(own, account.display_name),
        (NameAddr(leaving.address, ""),),
        leaving.subject,
        core.clock.now(),
        trace.message_id(core.config.domain),
    )
    prepared = core.blobs.prepare(composer.compose(heading, entities.text(leaving.body or leaving.subject)))
    forget(prepared.octets)
    envelope = Envelope(own, (leaving.address,), "", "webmail", account.id)
    asyncio.run(submission.send(core, envelope, account, prepared))
    _mark(core, account.id, mailbox, uid)


def leave(core: Core, account: Account, mailbox: str, uid: int) -> bool:
    """Leave the list by the shorter way there is; False where it takes neither, or did not say yes.

    Raises:
        MailboxNotFound: the message is gone.
        TooMany, SendingHeld: as for all mail that one sends.
    """
    ways = read_ways(core, account.id, mailbox, uid)
    with suppress(NotAllowed):
        if ways.press:
            _press(core, account.id, mailbox, uid, ways)
            return True
    if ways.mail:
        _write_to_list(core, account, mailbox, uid, ways.mail)
    return bool(ways.mail)


def read_ways(core: Core, account: AccountId, mailbox: str, uid: int) -> Ways:
    """Read the ways off its list from a message.  Raises MailboxNotFound."""
    own, octets = mail_actions.open_message(core, account, mailbox, uid)
    return find_ways(core, Header(own + Message(octets).header.block))


def _mark(core: Core, account: AccountId, mailbox: str, uid: int) -> None:
    mail_actions.add_keyword(core, account, mailbox, uid, KEYWORD)


def _ask(core: Core, account: AccountId, page: LeavingPage) -> None:
    """Raises NotAllowed, TooMany."""
    fields = {"Content-Type": "application/x-www-form-urlencoded"}
    with _turns.wait_for_turn(account):
        try:
            status = public_post.post(core, page.url, fields, list_fields.ONE_PRESS.encode(), seconds=SECONDS)
        except NotAllowed as problem:
            log.info("a list at %s did not answer: %s", page.host, problem)
            raise
    if not 200 <= status < 300:
        log.info("a list at %s said %d", page.host, status)
        raise NotAllowed("the list did not say yes")

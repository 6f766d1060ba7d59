"""Messages within a message, opened in place (mail/writing/opening.py).

One within another is named by the numbers of the files on the way, `2.0`: file 0 of what is in file 2.  Each step is bounded,
as is their number.
"""

import re

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import MailboxNotFound
from mailcore.mail.reading import structure
from mailcore.mail.showing import body
from mailcore.mail.showing.wrapped import Opened
from mailcore.mail.writing.opening import open_part
from mailcore.services.webmail import mail_actions

_PATH = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){0,9}", re.ASCII)


def open_inside(core: Core, account: AccountId, mailbox: str, uid: int, path: str = "") -> Opened:
    """Open a message, or one within it.  Raises MailboxNotFound for what is not there or cannot be opened."""
    _, octets = mail_actions.open_message(core, account, mailbox, uid)
    opened = Opened(octets, structure.parse(octets))
    if path and not _PATH.fullmatch(path):
        raise MailboxNotFound(f"no {path!r} within message {uid}")
    for number in map(int, path.split(".") if path else ()):
        part = dict(body.read(opened.octets, opened.root).files).get(number)
        inner = open_part(opened.octets, part) if part else None
        if inner is None:
            raise MailboxNotFound(f"nothing to open at {path} within message {uid}")
        opened = inner
    return opened

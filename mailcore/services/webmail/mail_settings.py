"""A person's settings for reading and writing in the webmail."""

import json
from dataclasses import asdict, dataclass, fields

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.store.webmail import mail_settings as store

UNDO_SECONDS = (0, 10, 30)


@dataclass(frozen=True, slots=True)
class MailSettings:
    """`threads`: lists show conversations.  `html_first`: a message opens as its sender designed it.

    `undo_seconds`: how long a sent message waits in case its writer thinks better of it.
    `snippets`: lists show how each message begins.
    """

    threads: bool = False
    html_first: bool = False
    undo_seconds: int = 10
    snippets: bool = False


def read_settings(core: Core, account: AccountId) -> MailSettings:
    data = core.db.read(lambda tx: store.get_settings(tx, account))
    if not data:
        return MailSettings()
    known = {field.name for field in fields(MailSettings)}
    return MailSettings(**{name: value for name, value in json.loads(data).items() if name in known})


def save_settings(core: Core, account: AccountId, wish: MailSettings) -> None:
    core.db.write(lambda tx: store.save_settings(tx, account, json.dumps(asdict(wish))))

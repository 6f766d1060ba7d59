"""A day's bound on the files of help cases, which stand in nobody's quota."""

from collections.abc import Sequence

from mailcore.core import Core
from mailcore.domain import AccountId, NewFile
from mailcore.errors import TooMany
from mailcore.services.limits.tries import DAY
from mailcore.store.engine.db import Tx
from mailcore.store.site import rates

# kibibytes in a day: in the cases of one account, and in those of all strangers together
FILES_OF_OWNER, FILES_OF_STRANGERS = 200 * 2**10, 2 * 2**20


def count_files(core: Core, tx: Tx, account: AccountId | None, files: Sequence[NewFile]) -> None:
    """Count the files of a case for a day.  Raises TooMany."""
    kibibytes = sum(-(-len(file.octets) // 2**10) for file in files)
    whose, most = ("strangers", FILES_OF_STRANGERS) if account is None else (str(account), FILES_OF_OWNER)
    if kibibytes and not rates.count_if_allowed(tx, f"case files {whose}", kibibytes, most, DAY, core.clock.seconds()):
        raise TooMany("files of a whole day")

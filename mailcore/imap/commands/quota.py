"""GETQUOTA and GETQUOTAROOT (RFC 9208): one root, the empty name, STORAGE in KiB."""

from mailcore.imap import names
from mailcore.imap.context import Context, mailbox_name
from mailcore.imap.responses import Tagged
from mailcore.imap.status import Refused
from mailcore.store.engine.db import Tx
from mailcore.store.people.accounts import get_account
from mailcore.wire.reader import Reader


def _quota(context: Context, tx: Tx) -> bytes:
    account = get_account(tx, context.owner)
    if not account.quota:
        return b'* QUOTA "" ()\r\n'
    return b'* QUOTA "" (STORAGE %d %d)\r\n' % (account.used // 1024, account.quota // 1024)


async def getquota(context: Context, read: Reader) -> Tagged:
    read.space()
    root = read.astring()
    read.end()
    if root:
        raise Refused("No such quota root", "NONEXISTENT")
    context.wire.write(await context.core.db.aread(lambda tx: _quota(context, tx)))
    return context.ok()


async def getquotaroot(context: Context, read: Reader) -> Tagged:
    read.space()
    name = mailbox_name(read)
    read.end()

    def load(tx: Tx) -> bytes:
        context.find_mailbox(tx, name)
        return _quota(context, tx)

    quota = await context.core.db.aread(load)
    context.wire.write(b"* QUOTAROOT " + names.quoted(context.encode(name)) + b' ""\r\n' + quota)
    return context.ok()

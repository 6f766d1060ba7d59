"""PostgreSQL with many accounts and their mail, made by the server from one account that the service has made.

Each account has what the first one has (name, address, password, mailboxes), and PER_ACCOUNT messages in INBOX.
"""

from collections.abc import Mapping

import psycopg

from mailcore.core import Core
from mailcore.domain import AccountId

PER_ACCOUNT = 100
UNSEEN = 10
TEMPLATES = 20  # messages from which all others are made
SHARED = 4  # so many messages have the same octets
MAILBOXES = "ROW_NUMBER() OVER (ORDER BY t.id, n)"

Sql = psycopg.Connection[tuple[object, ...]]


def save_templates(core: Core, account: AccountId, octets: list[bytes]) -> None:
    """Let the first account have the messages of which the others are made."""
    prepared = [core.blobs.prepare(one) for one in octets]

    def write(tx):
        box = core.mail.mailbox(tx, account, "INBOX")
        for one in prepared:
            core.mail.append(tx, account, box.id, one, frozenset(), core.clock.now())

    core.db.write(write)


def fill(connection: Sql, accounts: int) -> None:
    """Make `accounts` in all, user2 and up, of user1 with its TEMPLATES messages; the connection commits by itself."""
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout=0")
        connection.execute("CREATE TEMPORARY TABLE first ON COMMIT DROP AS SELECT id FROM account WHERE name='user1'")
        _copy_accounts(connection, accounts)
        _copy_blobs(connection, accounts * PER_ACCOUNT // SHARED)
        _fill_inboxes(connection)
    connection.execute("ANALYZE")


def _copy(connection: Sql, table: str, more: str, changed: Mapping[str, str]) -> None:
    """Copy rows of a table, with some columns changed; `t` is the table.  A column with "" is left to its default."""
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema='public' AND table_name=%s", (table,)
    )
    columns = [str(row[0]) for row in rows if changed.get(str(row[0])) != ""]
    values = ",".join(changed.get(column, f"t.{column}") for column in columns)
    connection.execute(f"INSERT INTO {table} ({','.join(columns)}) SELECT {values} FROM {table} AS t {more}".encode())


def _copy_accounts(connection: Sql, accounts: int) -> None:
    """Ids follow those that there are: account `last + n` is user`n`."""
    many = f"CROSS JOIN generate_series(2, {accounts}) AS n"
    mine = "t.account_id IN (SELECT id FROM first)"
    number, name = "(SELECT id FROM first) + n", "'user' || n"
    used = f"t.used + {PER_ACCOUNT} * 1000"
    _copy(connection, "account", f"{many} WHERE t.name='user1'", {"id": number, "name": name, "used": used})
    owner = {"id": "", "account_id": number}
    _copy(connection, "address", f"{many} WHERE {mine}", {**owner, "localpart": name, "skeleton": name})
    _copy(connection, "script", f"{many} WHERE {mine}", owner)
    credential = f"(SELECT max(id) FROM credential) + {MAILBOXES}"
    _copy(connection, "credential", f"{many} WHERE {mine}", {**owner, "id": credential})
    connection.execute(
        "INSERT INTO scram SELECT c.id, c.account_id, s.generation, s.iterations, s.sealed FROM credential c, scram s"
        " WHERE s.account_id=(SELECT id FROM first) AND c.account_id>s.account_id"
    )
    of_box = {
        "id": f"(SELECT max(id) FROM mailbox) + {MAILBOXES}",
        "account_id": number,
        "uidvalidity": f"(SELECT max(uidvalidity) FROM mailbox) + {MAILBOXES}",
        "messages": "0", "unseen": "0", "octets": "0", "uidnext": "1", "modseq": "1",
    }  # fmt: skip
    _copy(connection, "mailbox", f"{many} WHERE {mine}", of_box)
    connection.execute("UPDATE setting SET value=(SELECT max(uidvalidity) FROM mailbox) WHERE key='uidvalidity'")
    for table in ("account", "credential"):
        connection.execute(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))".encode())


def _copy_blobs(connection: Sql, count: int) -> None:
    """Each is one of the templates under a name of its own."""
    connection.execute(
        "CREATE TEMPORARY TABLE template ON COMMIT DROP AS"
        " SELECT blob, size, row_number() OVER (ORDER BY uid DESC) - 1 AS place FROM message"
        " WHERE mailbox=(SELECT id FROM mailbox WHERE account_id=(SELECT id FROM first) AND name='INBOX')"
        f" ORDER BY uid DESC LIMIT {TEMPLATES}".encode()
    )
    connection.execute(
        "CREATE TEMPORARY TABLE made ON COMMIT DROP AS SELECT nextval('blob_id_seq') AS id, blob, size, n - 1 AS place"
        f" FROM generate_series(1, {count}) AS n JOIN template ON template.place = n % {TEMPLATES}".encode()
    )
    joined = "JOIN made ON made.blob = t.{}"
    name = "sha256(convert_to('made' || made.place, 'UTF8'))"
    _copy(connection, "blob", joined.format("id"), {"id": "made.id", "name": name})
    for table in ("blob_octets", "summary"):
        _copy(connection, table, joined.format("blob"), {"blob": "made.id"})
    connection.execute("CREATE INDEX ON made (place)")


def _fill_inboxes(connection: Sql) -> None:
    """Give each INBOX its messages, the last of them unseen, and the counts of them."""
    connection.execute(
        "INSERT INTO message (mailbox,uid,flags,keywords,modseq,internal_date,size,blob,prefix,zone,saved_at)"  # noqa: S608
        f" SELECT box.id, n, CASE WHEN n>{PER_ACCOUNT - UNSEEN} THEN 0 ELSE 1 END, '', n+1, box.uidvalidity, made.size, made.id,"
        f" ''::bytea, 0, box.uidvalidity FROM (SELECT id, uidvalidity, row_number() OVER (ORDER BY id) AS place FROM mailbox"
        " WHERE name='INBOX' AND account_id>(SELECT id FROM first)) AS box"
        f" CROSS JOIN generate_series(1, {PER_ACCOUNT}) AS n"
        f" JOIN made ON made.place = (box.place * {PER_ACCOUNT} + n) / {SHARED} % (SELECT count(*) FROM made)".encode()
    )
    connection.execute(
        f"UPDATE mailbox SET messages={PER_ACCOUNT}, unseen={UNSEEN}, uidnext={PER_ACCOUNT + 1},"  # noqa: S608
        f" modseq={PER_ACCOUNT + 1}, octets=s.octets"
        " FROM (SELECT mailbox, sum(size) AS octets FROM message GROUP BY mailbox) AS s"
        " WHERE s.mailbox=mailbox.id AND account_id>(SELECT id FROM first)".encode()
    )
    connection.execute(
        "UPDATE account SET used=s.octets FROM (SELECT account_id, sum(octets) AS octets FROM mailbox GROUP BY account_id) AS s"
        " WHERE s.account_id=account.id AND name<>'user1'"
    )

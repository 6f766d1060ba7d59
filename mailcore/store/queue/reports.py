"""Counts for the daily reports to other domains, as SQL (RFC 8460, RFC 7489 section 7.2)."""

from mailcore.store.engine.db import Row, Tx

_DMARC = "domain,ip,author,envelope,disposition,spf_aligned,dkim_aligned,spf,dkim"


def count_tls(tx: Tx, day: str, domain: str, policy: str, host: str, result: str) -> None:
    tx.run(
        "INSERT INTO tls_result (day,domain,policy,host,result,count) VALUES (?,?,?,?,?,1)"
        " ON CONFLICT (day,domain,policy,host,result) DO UPDATE SET count=tls_result.count+1",
        day,
        domain,
        policy,
        host,
        result,
    )


def count_dmarc(
    tx: Tx,
    day: str,
    domain: str,
    ip: str,
    author: str,
    envelope: str,
    disposition: str,
    *,
    spf_aligned: bool,
    dkim_aligned: bool,
    spf: str,
    dkim: str,
) -> None:
    tx.run(
        f"INSERT INTO dmarc_result (day,{_DMARC},count) VALUES (?,?,?,?,?,?,?,?,?,?,1)"  # noqa: S608
        f" ON CONFLICT (day,{_DMARC}) DO UPDATE SET count=dmarc_result.count+1",
        day,
        domain,
        ip,
        author,
        envelope,
        disposition,
        int(spf_aligned),
        int(dkim_aligned),
        spf,
        dkim,
    )


def list_days(tx: Tx, *, table: str, before: str) -> list[tuple[str, str]]:
    """Return day and domain of all that is not reported yet, of whole days before that one."""
    return [(row[0], row[1]) for row in tx.rows(f"SELECT DISTINCT day, domain FROM {table} WHERE day<?", before)]  # noqa: S608


def list_tls(tx: Tx, day: str, domain: str) -> list[Row]:
    """Return (policy, host, result, count)."""
    return tx.rows("SELECT policy,host,result,count FROM tls_result WHERE day=? AND domain=? ORDER BY id", day, domain)


def list_dmarc(tx: Tx, day: str, domain: str) -> list[Row]:
    """Return (ip, author, envelope, disposition, spf_aligned, dkim_aligned, spf, dkim, count)."""
    columns = _DMARC.removeprefix("domain,")
    return tx.rows(f"SELECT {columns},count FROM dmarc_result WHERE day=? AND domain=? ORDER BY id", day, domain)  # noqa: S608


def delete_day(tx: Tx, *, table: str, day: str, domain: str) -> None:
    tx.run(f"DELETE FROM {table} WHERE day=? AND domain=?", day, domain)  # noqa: S608

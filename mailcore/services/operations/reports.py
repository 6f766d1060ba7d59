"""Daily reports to domains that ask for them in DNS, by mail or HTTPS.

These are DMARC aggregate reports (RFC 7489 section 7.2) and TLS reports (RFC 8460).
Counted as it happens, sent for whole days of UTC, then deleted.
"""

import gzip
import json
import re
import secrets
from datetime import UTC, datetime, timedelta
from functools import partial
from xml.sax import saxutils

from mailcore.core import Core
from mailcore.domain import Disposition, Envelope, Verdict
from mailcore.log import log_for
from mailcore.mail.reading.organisation import organisational
from mailcore.mail.writing import attached
from mailcore.net.dns import DnsTrouble, text_of
from mailcore.services.mailauth import dkim, dmarc
from mailcore.services.notices import notices
from mailcore.services.operations import report_post
from mailcore.store.engine.db import Row, Tx
from mailcore.store.queue import destinations
from mailcore.store.queue import reports as store
from mailcore.store.queue.items import enqueue_mail

log = log_for(__name__)
AGAIN = timedelta(days=3)  # so long what could not be sent is tried
MOST = 500  # reports of a kind in one turn of the job
_SIGNATURE = re.compile(rb"dkim=(\w+)(?: header\.d=(\S+?))?(?: header\.s=(\S+?))?[;\r\n]")
_UNPRINTABLE = re.compile(r"[^ -~]")
_WORDS = {Disposition.ACCEPT: "none", Disposition.JUNK: "quarantine", Disposition.REFUSE: "reject"}
_HTTPS = re.compile(r"https://[^\s,!;]+$", re.IGNORECASE)
_MAILTO = re.compile(r"mailto:([^\s,!;@]++@[^\s,!;]++)(?:![0-9]++[kmgt]?)?$", re.IGNORECASE)


class _NotTaken(Exception):
    """Nobody accepted the report now."""


def count_dmarc(core: Core, tx: Tx, envelope: Envelope, verdict: Verdict) -> None:
    """Count a message whose author's domain publishes a DMARC policy."""
    spf_domain = (envelope.sender or f"@{envelope.helo}").rpartition("@")[2].lower()
    signatures = " ".join(
        f"{domain.decode()}:{selector.decode()}:{result.decode()}"
        for result, domain, selector in _SIGNATURE.findall(verdict.field)
        if domain
    )
    store.count_dmarc(
        tx,
        f"{core.clock.now():%Y-%m-%d}",
        verdict.author,
        envelope.peer,
        verdict.author,
        spf_domain[:255],
        _WORDS[verdict.disposition],
        spf_aligned=verdict.spf_aligned,
        dkim_aligned=verdict.dkim_aligned,
        spf=verdict.spf,
        dkim=signatures[:500],
    )


def send_reports(core: Core) -> None:
    """Send the reports; a job.  Counts of days that are over are deleted afterwards, wanted or not."""
    today = f"{core.clock.now():%Y-%m-%d}"
    for table, one in (("dmarc_result", _send_dmarc_report), ("tls_result", _send_tls_report)):
        for day, domain in core.db.read(partial(store.list_days, table=table, before=today))[:MOST]:
            try:
                one(core, day, domain)
            except (DnsTrouble, _NotTaken):
                if day >= f"{core.clock.now() - AGAIN:%Y-%m-%d}":
                    continue  # another turn
            core.db.write(partial(store.delete_day, table=table, day=day, domain=domain))


# DMARC


def _send_dmarc_report(core: Core, day: str, domain: str) -> None:
    """Raises DnsTrouble."""
    record = dmarc.find(domain, core.dns.lookup)
    if record is None or not core.config.reports.dmarc:
        return
    owner, tags = record.domain, record.tags
    targets = [
        address
        for address in _list_targets(tags.get("rua", ""))
        if _is_wanted(core, owner, address.rpartition("@")[2].lower())
    ]
    rows = core.db.read(lambda tx: store.list_dmarc(tx, day, domain))
    begin, end = _span_of_day(day)
    number = secrets.token_hex(8)
    text = _write_dmarc_xml(core, owner, tags, rows, begin, end, number)
    name = f"{core.config.domain}!{owner}!{begin}!{end}!{number}.xml.gz"
    subject = f"Report Domain: {owner} Submitter: {core.config.domain} Report-ID: <{number}>"
    _mail_report(core, targets, subject, "application/gzip", name, gzip.compress(text.encode()), {})


def _parse_tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _list_targets(uris: str) -> list[str]:
    addresses = [_MAILTO.match(uri.strip()) for uri in uris.split(",")]
    return [address[1] for address in addresses if address is not None][:2]


def _is_wanted(core: Core, owner: str, target: str) -> bool:
    """Say if another domain agrees to have these reports (RFC 7489 section 7.1).  Raises DnsTrouble."""
    if organisational(owner) == organisational(target):
        return True
    records = core.dns.lookup(f"{owner}._report._dmarc.{target}", "TXT")
    return any(text_of(record).replace(" ", "").startswith("v=DMARC1") for record in records)


def escape_xml(text: str) -> str:
    """Escape text for XML, without characters that XML does not allow: one would spoil the report of a whole day."""
    return saxutils.escape(_UNPRINTABLE.sub("?", text))


def _write_dmarc_xml(
    core: Core, owner: str, tags: dict[str, str], rows: list[Row], begin: int, end: int, number: str
) -> str:
    """Write the XML of a DMARC report (RFC 7489 appendix C)."""
    policy = {key: tags.get(key, default) for key, default in (("adkim", "r"), ("aspf", "r"), ("p", "none"))}
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>', "<feedback>", "<version>1.0</version>", "<report_metadata>",
        f"<org_name>{escape_xml(core.config.domain)}</org_name>", f"<email>postmaster@{escape_xml(core.config.domain)}</email>",
        f"<report_id>{number}</report_id>", f"<date_range><begin>{begin}</begin><end>{end}</end></date_range>",
        "</report_metadata>", "<policy_published>", f"<domain>{escape_xml(owner)}</domain>",
        *(f"<{key}>{escape_xml(value)}</{key}>" for key, value in policy.items()),
        f"<sp>{escape_xml(tags.get('sp', policy['p']))}</sp>", f"<pct>{escape_xml(tags.get('pct', '100'))}</pct>",
        "</policy_published>",
    ]  # fmt: skip
    for ip, author, envelope, disposition, spf_aligned, dkim_aligned, spf, signatures, count in rows:
        lines += [
            "<record>",
            "<row>",
            f"<source_ip>{escape_xml(ip)}</source_ip>",
            f"<count>{count}</count>",
            "<policy_evaluated>",
            f"<disposition>{disposition}</disposition>",
            f"<dkim>{'pass' if dkim_aligned else 'fail'}</dkim>",
            f"<spf>{'pass' if spf_aligned else 'fail'}</spf>",
            "</policy_evaluated>",
            "</row>",
            f"<identifiers><header_from>{escape_xml(author)}</header_from></identifiers>",
            "<auth_results>",
        ]
        for row in signatures.split():
            domain, _, rest = row.partition(":")
            selector, _, result = rest.rpartition(":")
            lines.append(
                f"<dkim><domain>{escape_xml(domain)}</domain><selector>{escape_xml(selector)}</selector>"
                f"<result>{escape_xml(result)}</result></dkim>"
            )
        lines += [
            f"<spf><domain>{escape_xml(envelope)}</domain><result>{escape_xml(spf)}</result></spf>",
            "</auth_results>",
            "</record>",
        ]
    return "\n".join([*lines, "</feedback>", ""])


# TLS


def _send_tls_report(core: Core, day: str, domain: str) -> None:
    """Raises DnsTrouble, _NotTaken."""
    if not core.config.reports.tls:
        return
    texts = [text_of(record) for record in core.dns.lookup(f"_smtp._tls.{domain}", "TXT")]
    texts = [text for text in texts if text.replace(" ", "").startswith("v=TLSRPTv1")]
    wanted = _parse_tags(texts[0]).get("rua", "") if len(texts) == 1 else ""
    targets, urls = _list_targets(wanted), [uri.strip() for uri in wanted.split(",") if _HTTPS.match(uri.strip())][:2]
    if not targets and not urls:
        return
    rows = core.db.read(lambda tx: store.list_tls(tx, day, domain))
    sts = core.db.read(lambda tx: destinations.find_sts_policy(tx, domain))
    policies = []
    for kind in dict.fromkeys(row[0] for row in rows):
        targets_of_kind = [row for row in rows if row[0] == kind]
        policy: dict[str, object] = {"policy-type": kind, "policy-domain": domain}
        if kind == "sts" and sts is not None:
            policy["policy-string"] = ["version: STSv1", f"mode: {sts.mode}", *(f"mx: {host}" for host in sts.hosts)]
            policy["mx-host"] = list(sts.hosts)
        policies.append(
            {
                "policy": policy,
                "summary": {
                    "total-successful-session-count": sum(row[3] for row in targets_of_kind if not row[2]),
                    "total-failure-session-count": sum(row[3] for row in targets_of_kind if row[2]),
                },
                "failure-details": [
                    {
                        "result-type": row[2],
                        "failed-session-count": row[3],
                        **({"receiving-mx-hostname": row[1]} if row[1] else {}),
                    }
                    for row in targets_of_kind
                    if row[2]
                ],
            }
        )
    begin, end = _span_of_day(day)
    number = f"{day}.{secrets.token_hex(8)}@{core.config.domain}"
    report = {
        "organization-name": core.config.domain,
        "date-range": {"start-datetime": f"{day}T00:00:00Z", "end-datetime": f"{day}T23:59:59Z"},
        "contact-info": f"postmaster@{core.config.domain}",
        "report-id": number,
        "policies": policies,
    }
    subject = f"Report Domain: {domain} Submitter: {core.config.domain} Report-ID: <{number}>"
    fields = {"TLS-Report-Domain": domain, "TLS-Report-Submitter": core.config.domain}
    name = f"{core.config.domain}!{domain}!{begin}!{end}.json.gz"
    octets = gzip.compress(json.dumps(report, indent=1).encode())
    is_accepted = [report_post.post_report(core, url, "application/tlsrpt+gzip", octets) for url in urls]
    if not targets and not any(is_accepted):
        raise _NotTaken(domain)
    _mail_report(core, targets, subject, "application/tlsrpt+gzip", name, octets, fields)


# Both


def _span_of_day(day: str) -> tuple[int, int]:
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return int(start.timestamp()), int((start + timedelta(days=1)).timestamp()) - 1


def _mail_report(
    core: Core, targets: list[str], subject: str, kind: str, name: str, octets: bytes, fields: dict[str, str]
) -> None:
    if not targets:
        return
    letter = attached.compose(
        sender=notices.sender_address(core),
        recipients=targets,
        subject=subject,
        domain=core.config.domain,
        now=core.clock.now(),
        kind=kind,
        name=name,
        octets=octets,
        fields=fields,
    )
    prepared = core.blobs.prepare(dkim.sign(core.config, letter) + letter)

    def queue(tx: Tx) -> None:
        # a null sender: nobody needs to hear that a report was not wanted
        enqueue_mail(
            tx,
            core.blobs,
            sender="",
            recipients=targets,
            prepared=prepared,
            prefix=b"",
            account=None,
            origin="report",
            now=core.clock.seconds(),
        )

    core.db.write(queue)
    log.info("a report with the subject %r is queued", subject[:60])

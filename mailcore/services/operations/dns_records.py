"""The DNS records that our domains need to send and receive mail that arrives, and which of them stand.

SPF says `a:HOST` for the domain and the SRS sub-domain, and stands for the host name too, which bounces (null
senders) are judged by (RFC 7208 section 2.4).  DMARC has `aspf=s`: an SRS address vouches for no author of ours.
"""

import zlib
from dataclasses import dataclass
from ipaddress import ip_address

from mailcore.config import Config
from mailcore.core import Core
from mailcore.net.dns import DnsTrouble, text_of
from mailcore.services import client_settings
from mailcore.services.mailauth import dkim_keys


@dataclass(frozen=True, slots=True)
class Record:
    """`name` and names inside `value` are absolute, without the final dot."""

    name: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Finding:
    """`state` is right, missing, wrong or unknown (DNS did not answer); `found` is what stands there."""

    record: Record
    state: str
    found: tuple[str, ...] = ()


def list_needed_records(config: Config) -> list[Record]:
    """List all records that our domains need, in the order of zone files.  The keys of DKIM must exist (`alumnimail init`)."""
    known = _list_addresses(config)
    senders = "".join(f" {'ip4' if '.' in ip else 'ip6'}:{ip}" for ip in known)
    host, bounces = config.host, config.srs_domain
    found = [Record(host, "A" if "." in ip else "AAAA", ip) for ip in known]
    found += [
        Record(bounces, "MX", f"10 {host}"),
        Record(bounces, "TXT", f"v=spf1 a:{host}{senders} -all"),
        Record(host, "TXT", f"v=spf1 a{senders} -all"),
    ]
    for domain in config.mail_domains:
        found += _list_records_of_domain(config, domain, senders)
    return found


def _list_records_of_domain(config: Config, domain: str, senders: str) -> list[Record]:
    host = config.host
    found = [Record(domain, "MX", f"10 {host}"), Record(domain, "TXT", f"v=spf1 a:{host}{senders} -all")]
    found += [Record(name, "TXT", text) for name, text in dkim_keys.dns_records(config, domain=domain).items()]
    found += [
        Record(f"_dmarc.{domain}", "TXT", f"v=DMARC1; p=reject; aspf=s; adkim=r; rua=mailto:postmaster@{domain}"),
        Record(f"_mta-sts.{domain}", "TXT", f"v=STSv1; id={zlib.crc32(make_mta_sts_policy(config).encode()):08x}"),
        Record(f"mta-sts.{domain}", "CNAME", host),
        Record(f"_smtp._tls.{domain}", "TXT", f"v=TLSRPTv1; rua=mailto:postmaster@{domain}"),
        Record(f"_ua-auto-config.{domain}", "TXT", client_settings.format_pacc_record(config)),
    ]
    # where mail programs ask how they are set up (services/client_settings.py)
    found += [Record(f"{name}.{domain}", "CNAME", host) for name in ("autoconfig", "autodiscover", "ua-auto-config")]
    for service, address in (
        ("_imaps", config.listen.imaps),
        ("_imap", config.listen.imap),
        ("_submissions", config.listen.submissions),
        ("_submission", config.listen.submission),
        ("_sieve", config.listen.managesieve),
    ):
        # RFC 2782: a lone dot says that the service is not offered
        value = f"0 1 {address.rpartition(':')[2]} {host}" if address else "0 0 0 ."
        found.append(Record(f"{service}._tcp.{domain}", "SRV", value))
    book = client_settings.find_address_book_host(config)
    found.append(Record(f"_carddavs._tcp.{domain}", "SRV", f"0 1 {book[1]} {book[0]}" if book else "0 0 0 ."))
    return found


def _list_addresses(config: Config) -> list[str]:
    """Return the addresses that the settings name; others are the business of the host's own records."""
    addresses = []
    for text in (config.outbound.bind, config.listen.smtp.rpartition(":")[0].strip("[]")):
        try:
            ip = ip_address(text)
        except ValueError:
            continue
        if not ip.is_unspecified and str(ip) not in addresses:
            addresses.append(str(ip))
    return addresses


def make_mta_sts_policy(config: Config) -> str:
    """Return the policy for https://mta-sts.DOMAIN/.well-known/mta-sts.txt (RFC 8461 section 3.2)."""
    return f"version: STSv1\r\nmode: enforce\r\nmx: {config.host}\r\nmax_age: 604800\r\n"


def format_zone_line(record: Record) -> str:
    """Format a record as a line of a zone file (RFC 1035 section 5.1)."""
    match record.kind:
        case "TXT":
            parts = [record.value[at : at + 255] for at in range(0, len(record.value), 255)]
            value = " ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)
        case "MX" | "SRV" | "CNAME":
            value = record.value if record.value.endswith(" .") else record.value + "."
        case _:
            value = record.value
    return f"{record.name}.\t3600\tIN\t{record.kind}\t{value}"


def compare_records(core: Core) -> list[Finding]:
    """Ask DNS for each record; blocking."""
    return [compare_record(core, record) for record in list_needed_records(core.config)]


def compare_record(core: Core, record: Record) -> Finding:
    """Ask DNS for one record; blocking."""
    try:
        answers = core.dns.lookup(record.name, record.kind)
    except DnsTrouble:
        return Finding(record, "unknown")
    texts = tuple(text_of(a) if record.kind == "TXT" else a.to_text().rstrip(".") for a in answers)
    # other texts of the name, such as proofs of ownership, are not our business
    prefix = record.value.partition(" ")[0].partition(";")[0] if record.kind == "TXT" else ""
    rivals = tuple(text for text in texts if text.startswith(prefix))
    if not rivals:
        return Finding(record, "missing")
    wanted = record.value.rstrip(".") if record.kind != "TXT" else record.value
    is_same = {" ".join(text.split()).lower() for text in rivals}
    return Finding(record, "right" if is_same == {" ".join(wanted.split()).lower()} else "wrong", rivals)

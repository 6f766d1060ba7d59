"""Settings for mail programs, from the running configuration: one list of servers behind the page and every format.

| who reads it | where |
|---|---|
| people | the page /clients, and /clients.txt |
| Thunderbird, K-9, Evolution | autoconfig: `/mail/config-v1.1.xml`, `/.well-known/autoconfig/mail/config-v1.1.xml` |
| Outlook | Autodiscover v1 (POX) and v2 (JSON) |
| Apple's | `.mobileconfig` |
| RFC 6186, RFC 8314 | SRV records in `alumnimail dns` |
| PACC (draft-ietf-mailmaint-pacc) | `/.well-known/user-agent-configuration.json` at ua-auto-config.DOMAIN, its digest in DNS |

The user name is the local part; programs that insist on the whole address log in with it as well.
"""

import base64
import hashlib
import json
import plistlib
import uuid
from dataclasses import dataclass
from xml.sax.saxutils import escape

from mailcore.config import Config

NAME = "Alumnimail"


@dataclass(frozen=True, slots=True)
class Server:
    """`purpose` is imap, smtp or sieve; `security` TLS (from the start) or STARTTLS."""

    purpose: str
    host: str
    port: int
    security: str


def servers(config: Config) -> list[Server]:
    """List the servers that listen, best way first (RFC 8314 section 3); no row for what is off."""
    listen = config.listen
    ways = (
        ("imap", listen.imaps, "TLS"),
        ("imap", listen.imap, "STARTTLS"),
        ("smtp", listen.submissions, "TLS"),
        ("smtp", listen.submission, "STARTTLS"),
        ("sieve", listen.managesieve, "STARTTLS"),
    )
    return [
        Server(purpose, config.host, int(address.rpartition(":")[2]), security)
        for purpose, address, security in ways
        if address
    ]


def _of(config: Config, purpose: str) -> list[Server]:
    return [server for server in servers(config) if server.purpose == purpose]


def in_words(config: Config) -> str:
    """The best way to read and to send, a line each, as letters have them; the page where nothing listens."""
    best = [found[0] for purpose in ("imap", "smtp") if (found := _of(config, purpose))]
    lines = [f"{server.purpose.upper()}: {server.host}, port {server.port} ({server.security})." for server in best]
    return "\n".join(lines) or f"{config.url}/clients"


def autoconfig(config: Config) -> str:
    """Mozilla's configuration file; the user name is %EMAILLOCALPART%, never the address."""
    kinds = {"imap": ("incomingServer", "imap"), "smtp": ("outgoingServer", "smtp")}
    sockets = {"TLS": "SSL", "STARTTLS": "STARTTLS"}
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<clientConfig version="1.1">',
        f' <emailProvider id="{escape(config.domain)}">',
        f"  <domain>{escape(config.domain)}</domain>",
        f"  <displayName>{NAME}</displayName>",
        f"  <displayShortName>{NAME}</displayShortName>",
    ]
    for server in servers(config):
        if server.purpose not in kinds:
            continue
        tag, kind = kinds[server.purpose]
        lines += [
            f'  <{tag} type="{kind}">',
            f"   <hostname>{escape(server.host)}</hostname>",
            f"   <port>{server.port}</port>",
            f"   <socketType>{sockets[server.security]}</socketType>",
            "   <authentication>password-cleartext</authentication>",
            "   <username>%EMAILLOCALPART%</username>",
            f"  </{tag}>",
        ]
    lines += [
        f'  <documentation url="{escape(config.url)}/clients">',
        '   <descr lang="en">Settings</descr>',
        "  </documentation>",
        " </emailProvider>",
        "</clientConfig>",
    ]
    return "\n".join(lines) + "\n"


def autodiscover(config: Config, address: str) -> str:
    """The answer of Autodiscover v1 (MS-OXDSCLI, "POX") for an address; its local part is the log-in name."""
    protocols = []
    for purpose, kind in (("imap", "IMAP"), ("smtp", "SMTP")):
        for server in _of(config, purpose)[:1]:
            encryption = "SSL" if server.security == "TLS" else "TLS"
            protocols.append(
                f"   <Protocol>\n    <Type>{kind}</Type>\n    <Server>{escape(server.host)}</Server>\n"
                f"    <Port>{server.port}</Port>\n    <LoginName>{escape(address.partition('@')[0])}</LoginName>\n"
                f"    <DomainRequired>off</DomainRequired>\n    <SPA>off</SPA>\n    <SSL>on</SSL>\n"
                f"    <Encryption>{encryption}</Encryption>\n    <AuthRequired>on</AuthRequired>\n"
                + ("    <UsePOPAuth>on</UsePOPAuth>\n    <SMTPLast>off</SMTPLast>\n" if kind == "SMTP" else "")
                + "   </Protocol>\n"
            )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">\n'
        ' <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">\n'
        "  <Account>\n   <AccountType>email</AccountType>\n   <Action>settings</Action>\n"
        + "".join(protocols)
        + "  </Account>\n </Response>\n</Autodiscover>\n"
    )


def autodiscover_v2(config: Config, protocol: str) -> dict[str, str] | None:
    """Outlook on phones asks where the other formats are; None for a protocol that we do not speak."""
    if protocol.lower() == "autodiscoverv1":
        return {"Protocol": "AutodiscoverV1", "Url": f"{config.url}/autodiscover/autodiscover.xml"}
    return None


def mobileconfig(config: Config, address: str, name: str) -> str:
    """A profile for Apple's programs; it holds no password.  The same person gets the same identifiers, so it updates."""
    [incoming], [outgoing] = _of(config, "imap")[:1], _of(config, "smtp")[:1]
    user = address.partition("@")[0]
    inner = {
        "EmailAccountDescription": NAME,
        "EmailAccountName": name or user,
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAddress": address,
        "IncomingMailServerAuthentication": "EmailAuthPassword",
        "IncomingMailServerHostName": incoming.host,
        "IncomingMailServerPortNumber": incoming.port,
        "IncomingMailServerUseSSL": True,
        "IncomingMailServerUsername": user,
        "OutgoingMailServerAuthentication": "EmailAuthPassword",
        "OutgoingMailServerHostName": outgoing.host,
        "OutgoingMailServerPortNumber": outgoing.port,
        "OutgoingMailServerUseSSL": True,
        "OutgoingMailServerUsername": user,
        "OutgoingPasswordSameAsIncomingPassword": True,
        "PayloadDescription": NAME,
        "PayloadDisplayName": NAME,
        "PayloadIdentifier": f"{_reversed(config.domain)}.mail",
        "PayloadType": "com.apple.mail.managed",
        "PayloadUUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"mail.{address}")).upper(),
        "PayloadVersion": 1,
    }
    outer = {
        "PayloadContent": [inner],
        "PayloadDisplayName": f"{NAME} {address}",
        "PayloadIdentifier": _reversed(config.domain),
        "PayloadType": "Configuration",
        "PayloadUUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"profile.{address}")).upper(),
        "PayloadVersion": 1,
    }
    return plistlib.dumps(outer).decode()


def _reversed(domain: str) -> str:
    return ".".join(reversed(domain.split(".")))


def pacc(config: Config) -> str:
    """draft-ietf-mailmaint-pacc: implicit TLS on the usual ports, so a host is all that is told.

    `port` is an addition of ours for sites off the usual ports; sending is `submit` since version 03, `smtp` before.
    """
    names = {"imap": ("imap", 993), "submit": ("smtp", 465), "smtp": ("smtp", 465)}
    protocols: dict[str, dict[str, str | int]] = {}
    for name, (purpose, usual) in names.items():
        for server in _of(config, purpose):
            if server.security == "TLS":
                off = {} if server.port == usual else {"port": server.port}
                protocols[name] = {"host": server.host, **off}
    found = {
        "protocols": protocols,
        "authentication": {"password": True},
        "info": {
            "provider": {"name": NAME, "shortName": NAME},
            "help": {"documentation": f"{config.url}/clients", "contact": [f"mailto:help@{config.domain}"]},
        },
    }
    return json.dumps(found, indent=1) + "\n"


def pacc_digest(config: Config) -> str:
    """The TXT record by which a program knows that the answer is the domain's own."""
    return f"v=UAAC1; a=sha256; d={base64.b64encode(hashlib.sha256(pacc(config).encode()).digest()).decode()}"


def plain(config: Config) -> str:
    """The table as text, in English, for those who read it aloud or copy it."""
    lines = [
        f"{server.purpose.upper():5}  {server.host}  {server.port}  {server.security}" for server in servers(config)
    ]
    return "\n".join(lines) + f"\nUSER   your user name, without @{config.domain}\n"

"""Settings for mail programs, from the running configuration: one list of servers behind the page and every format.

| who reads it | where |
|---|---|
| people | the page /clients, and /clients.txt |
| Thunderbird, K-9, Evolution | autoconfig: `/mail/config-v1.1.xml`, `/.well-known/autoconfig/mail/config-v1.1.xml` |
| Outlook | Autodiscover v1 (POX) and v2 (JSON) |
| Apple's | `.mobileconfig` |
| RFC 6186, RFC 6764, RFC 8314 | SRV records in `alumnimail dns` |
| PACC (draft-ietf-mailmaint-pacc) | `/.well-known/user-agent-configuration.json` at ua-auto-config.DOMAIN, its digest in DNS |

The user name is the local part; programs that insist on the whole address log in with it as well.
"""

import base64
import hashlib
import json
import plistlib
import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit
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


def list_servers(config: Config) -> list[Server]:
    """List the servers that listen, best way first (RFC 8314 section 3); no row for what is off."""
    listen = config.listen
    offers = (
        ("imap", listen.imaps, "TLS"),
        ("imap", listen.imap, "STARTTLS"),
        ("smtp", listen.submissions, "TLS"),
        ("smtp", listen.submission, "STARTTLS"),
        ("sieve", listen.managesieve, "STARTTLS"),
    )
    return [
        Server(purpose, config.host, int(address.rpartition(":")[2]), security)
        for purpose, address, security in offers
        if address
    ]


def _servers_for(config: Config, purpose: str) -> list[Server]:
    return [server for server in list_servers(config) if server.purpose == purpose]


def describe_servers(config: Config) -> str:
    """Describe the best server for reading and for sending, a line each, as notices do; the page's URL if none listens."""
    best = [servers[0] for purpose in ("imap", "smtp") if (servers := _servers_for(config, purpose))]
    lines = [f"{server.purpose.upper()}: {server.host}, port {server.port} ({server.security})." for server in best]
    return "\n".join(lines) or f"{config.url}/clients"


def format_autoconfig(config: Config) -> str:
    """Format Mozilla's configuration file.

    With one domain the user name is %EMAILLOCALPART%; with several it is the whole address, which also opens the account
    whose user name is another one (services/credentials/login.py).
    """
    kinds = {"imap": ("incomingServer", "imap"), "smtp": ("outgoingServer", "smtp")}
    sockets = {"TLS": "SSL", "STARTTLS": "STARTTLS"}
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<clientConfig version="1.1">',
        f' <emailProvider id="{escape(config.domain)}">',
        *(f"  <domain>{escape(domain)}</domain>" for domain in config.mail_domains),
        f"  <displayName>{NAME}</displayName>",
        f"  <displayShortName>{NAME}</displayShortName>",
    ]
    user = "%EMAILADDRESS%" if config.domains else "%EMAILLOCALPART%"
    for server in list_servers(config):
        if server.purpose not in kinds:
            continue
        tag, kind = kinds[server.purpose]
        lines += [
            f'  <{tag} type="{kind}">',
            f"   <hostname>{escape(server.host)}</hostname>",
            f"   <port>{server.port}</port>",
            f"   <socketType>{sockets[server.security]}</socketType>",
            "   <authentication>password-cleartext</authentication>",
            f"   <username>{user}</username>",
            f"  </{tag}>",
        ]
    if find_address_book_host(config) is not None:
        lines += [
            '  <addressBook type="carddav">',
            f"   <serverURL>{escape(format_address_book_url(config))}</serverURL>",
            "   <authentication>http-basic</authentication>",
            f"   <username>{user}</username>",
            "  </addressBook>",
        ]
    lines += [
        f'  <documentation url="{escape(config.url)}/clients">',
        '   <descr lang="en">Settings</descr>',
        "  </documentation>",
        " </emailProvider>",
        "</clientConfig>",
    ]
    return "\n".join(lines) + "\n"


def _login_name(config: Config, address: str) -> str:
    """Return by which name somebody with this address logs in: its local part, at a further domain the whole."""
    localpart, _, domain = address.rpartition("@")
    return localpart if domain.lower() == config.domain else address


def format_autodiscover(config: Config, address: str) -> str:
    """Format the answer of Autodiscover v1 (MS-OXDSCLI, "POX") for an address."""
    protocols, login = [], escape(_login_name(config, address))
    for purpose, kind in (("imap", "IMAP"), ("smtp", "SMTP")):
        for server in _servers_for(config, purpose)[:1]:
            encryption = "SSL" if server.security == "TLS" else "TLS"
            protocols.append(
                f"   <Protocol>\n    <Type>{kind}</Type>\n    <Server>{escape(server.host)}</Server>\n"
                f"    <Port>{server.port}</Port>\n    <LoginName>{login}</LoginName>\n"
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


def find_autodiscover_v2(config: Config, protocol: str) -> dict[str, str] | None:
    """Return where Autodiscover v1 is, for Outlook on phones; None for a protocol that we do not offer."""
    if protocol.lower() == "autodiscoverv1":
        return {"Protocol": "AutodiscoverV1", "Url": f"{config.url}/autodiscover/autodiscover.xml"}
    return None


def format_mobileconfig(config: Config, address: str, name: str) -> str:
    """Format a profile for Apple's programs, without a password.

    The same person gets the same identifiers, so that a later profile replaces an earlier one.
    """
    [incoming], [outgoing] = _servers_for(config, "imap")[:1], _servers_for(config, "smtp")[:1]
    user = _login_name(config, address)
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
    payloads = [inner]
    if (place := find_address_book_host(config)) is not None:
        payloads.append(_describe_contacts(config, address, place))
    outer = {
        "PayloadContent": payloads,
        "PayloadDisplayName": f"{NAME} {address}",
        "PayloadIdentifier": _reversed(config.domain),
        "PayloadType": "Configuration",
        "PayloadUUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"profile.{address}")).upper(),
        "PayloadVersion": 1,
    }
    return plistlib.dumps(outer).decode()


def _describe_contacts(config: Config, address: str, place: tuple[str, int]) -> dict[str, object]:
    """Describe the address book in an Apple profile."""
    return {
        "CardDAVAccountDescription": NAME,
        "CardDAVHostName": place[0],
        "CardDAVPort": place[1],
        "CardDAVUseSSL": True,
        "CardDAVUsername": _login_name(config, address),
        "PayloadDescription": NAME,
        "PayloadDisplayName": NAME,
        "PayloadIdentifier": f"{_reversed(config.domain)}.contacts",
        "PayloadType": "com.apple.carddav.account",
        "PayloadUUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"contacts.{address}")).upper(),
        "PayloadVersion": 1,
    }


def _reversed(domain: str) -> str:
    return ".".join(reversed(domain.split(".")))


def format_pacc(config: Config) -> str:
    """Format the document of draft-ietf-mailmaint-pacc: implicit TLS on the usual ports, so a host is enough.

    `port` is an addition of ours for sites off the usual ports; sending is `submit` since version 03, `smtp` before.
    """
    names = {"imap": ("imap", 993), "submit": ("smtp", 465), "smtp": ("smtp", 465)}
    protocols: dict[str, dict[str, str | int]] = {}
    for name, (purpose, usual) in names.items():
        for server in _servers_for(config, purpose):
            if server.security == "TLS":
                off = {} if server.port == usual else {"port": server.port}
                protocols[name] = {"host": server.host, **off}
    settings = {
        "protocols": protocols,
        "authentication": {"password": True},
        "info": {
            "provider": {"name": NAME, "shortName": NAME},
            "help": {"documentation": f"{config.url}/clients", "contact": [f"mailto:help@{config.domain}"]},
        },
    }
    return json.dumps(settings, indent=1) + "\n"


def format_pacc_record(config: Config) -> str:
    """Format the TXT record by which a program knows that the PACC document is the domain's own."""
    return f"v=UAAC1; a=sha256; d={base64.b64encode(hashlib.sha256(format_pacc(config).encode()).digest()).decode()}"


def format_address_book_url(config: Config) -> str:
    """Format the address that programs for contacts are given (CardDAV); the host alone leads there, too."""
    return f"{config.url}/dav/"


def find_address_book_host(config: Config) -> tuple[str, int] | None:
    """Return host and port of the address book; None for a site without HTTPS, where passwords would be readable."""
    public = urlsplit(config.url)
    if public.scheme != "https" or not public.hostname:
        return None
    return public.hostname, public.port or 443


def format_plain_text(config: Config) -> str:
    """Format the servers as plain text in English, for those who have it read aloud or copy it."""
    lines = [
        f"{server.purpose.upper():5}  {server.host}  {server.port}  {server.security}"
        for server in list_servers(config)
    ]
    lines.append(f"CONTACTS  {format_address_book_url(config)}  CardDAV")
    return "\n".join(lines) + f"\nUSER   your user name, without @{config.domain}\n"

"""Signs that a message comes from a service where its recipient is registered: its header, in five languages (N31).

One message never decides by its words alone: a person may write of a receipt.  Points come from what programs write (the
fields of RFC 2369 and RFC 3834, an address that takes no answers) and, where there are some, from the words of the subject.
Nothing is looked up; linear in the octets, and never raises.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from mailcore.domain import RegistrationKind
from mailcore.mail.judging.known_services import KNOWN_HOSTS
from mailcore.mail.reading import automatic
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.text import fold

ENOUGH = 3  # points of one message that make its sender a service; two messages of two points do so together
MAX_SUBJECT = 300  # characters that are looked at

# hosts whose addresses are people's own; a machine there has an address that takes no answers
PERSONAL_HOSTS = frozenset(
    (
        "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "hotmail.no", "hotmail.co.uk", "live.com", "live.no",
        "msn.com", "yahoo.com", "yahoo.no", "yahoo.co.uk", "ymail.com", "icloud.com", "me.com", "mac.com", "aol.com",
        "proton.me", "protonmail.com", "pm.me", "fastmail.com", "fastmail.fm", "gmx.de", "gmx.net", "gmx.com", "web.de",
        "t-online.de", "online.no", "broadpark.no", "frisurf.no", "c2i.net", "start.no", "lyse.net", "hey.com", "tuta.com",
        "tutanota.com", "mail.com", "zoho.com", "posteo.de", "mailbox.org", "telia.com", "comhem.se", "sol.dk", "orange.fr",
        "free.fr", "laposte.net", "libero.it", "qq.com", "163.com", "mail.ru", "yandex.ru",
    )
)  # fmt: skip
# hosts that send for shops, whose own name stands in Reply-To
_SENDING_HOSTS = frozenset(
    ("shopifyemail.com", "list-manage.com", "mcsv.net", "mailchimpapp.net", "amazonses.com", "sendgrid.net", "rsgsv.net",
     "klaviyomail.com", "zendesk.com", "freshdesk.com", "sparkpostmail.com", "mandrillapp.com", "ccsend.com")
)  # fmt: skip

_NO_ANSWERS = re.compile(
    r"(?:^|[._+-])(?:(?:do-?not|dont|no|ikke|ikkje|inte|ne-?pas|nicht|donot)[._-]?(?:reply|svar|svare|svara|besvar|repondre"
    r"|antworten)|noreply\w*|bounces?|mailer|robot|automat\w*|autoconfirm|notifications?|notify|varsel|varsling|varsler)"
    r"(?:$|[._+\d-])"
)
_ROLES = re.compile(
    r"(?:^|[._+-])(?:accounts?|konto|security|sikkerhet|service|customer\w*|kunde\w*|kundtjanst|support|help|hjelp|info"
    r"|informasjon|news|newsletter|nyhetsbrev|nyheter|updates?|orders?|ordre|order|bestilling\w*|receipts?|kvittering\w*"
    r"|billing|invoices?|faktura|payments?|betaling|booking\w*|reservations?|tickets?|billett\w*|shop|store|butikk|webshop"
    r"|nettbutikk|member\w*|medlem\w*|welcome|velkommen|hello|hei|team|mail|email|epost|post|postmottak|verify|verification"
    r"|confirm\w*|bekreft\w*|register|registration|subscriptions?|abonnement|digest|alerts?|reminders?|paminnelse|hilsen"
    r"|marketing|promo\w*|offers?|tilbud|loyalty|kundeklubb|login|signin|auth|system|admin|web|portal)(?:$|[._+\d-])"
)
_REPORTS = ("mailer-daemon", "postmaster", "abuse")
_SHARED = re.compile(
    r"(?i)\bvia\b|\((?:via|google|facebook)\b|shared .{0,60} with you|delte .{0,60} med deg|invited you"
)
_ANSWER = re.compile(r"(?i)\s*(?:re|sv|vs|aw|fwd?|vb|wg|tr|antw)\s*:")


class Writer(StrEnum):
    """Kinds of writers of a message."""

    PERSON = "person"
    PROGRAM = "program"
    LIST = "list"  # people, by way of a mailing list
    NOBODY = "nobody"  # a report, or an automatic answer


def _pattern(*phrases: str) -> re.Pattern[str]:
    """Match any of the phrases; `*` stands for the rest of a word."""
    parts = (re.escape(fold(phrase)).replace(r"\*", r"\w*") for phrase in phrases)
    return re.compile(rf"(?<!\w)(?:{'|'.join(sorted(parts, key=len, reverse=True))})(?!\w)")


# what a program writes and people hardly do, then what both write
_STRONG = (
    (
        RegistrationKind.ACCOUNT,
        _pattern(
            "verify your *", "confirm your *", "confirm account", "confirm email", "verification code", "security code",
            "login code", "sign-in code", "log-in code", "one-time code", "one-time password", "passcode", "reset your *",
            "password reset", "reset password", "forgot* password", "password was changed", "password has been changed",
            "password changed", "welcome to", "activate your *", "account activation", "new sign-in", "new login",
            "new sign in", "sign-in attempt", "security alert", "thanks for signing up", "thank you for registering",
            "thanks for joining", "your account", "your registration", "account created", "two-factor",
            "bekreft e-post*", "bekreft din *", "bekreft konto*", "bekreft registrering*", "bekreftelseskode", "engangskode",
            "engangspassord", "sikkerhetskode", "innloggingskode", "tilbakestill* *passord*", "nullstill* *passord*",
            "glemt passord", "nytt passord", "passordet ditt", "passordet er endret", "velkommen til", "velkommen som *",
            "aktiver *", "ny innlogging", "ny pålogging", "ny palogging", "sikkerhetsvarsel", "kontoen din", "din konto",
            "din profil", "brukerkonto*", "takk for at du registrerte *", "takk for registrering*", "registreringen din",
            "stadfest *", "kontoen din er *", "ditt konto", "återställ* *", "bekräfta din *", "välkommen till", "bekræft din *",
            "nulstil *", "bestätig*", "passwort zurücksetzen", "willkommen bei", "ihr konto", "confirmez *", "bienvenue *",
            "réinitialis*",
        ),
    ),
    (
        RegistrationKind.PURCHASE,
        _pattern(
            "your receipt", "receipt for", "receipt from", "order confirmation", "your order", "order #*", "order no*",
            "order number", "has shipped", "has been shipped", "is on its way", "out for delivery", "delivery update",
            "booking confirmation", "your booking", "your reservation", "your tickets", "your ticket*", "e-ticket", "itinerary",
            "payment received", "payment confirmation", "thank* for your order", "thank* for your purchase",
            "thank* for your payment", "your invoice", "your subscription", "subscription renew*", "your bill", "your trip",
            "kvittering *", "din kvittering", "kvitteringen din", "ordrebekreftelse*", "ordre nr*", "ordrenummer", "din ordre",
            "ordren din", "din bestilling", "bestillingen din", "takk for bestilling*", "takk for kjøpet", "takk for handelen",
            "takk for ordren", "bestillingsbekreftelse", "pakken din", "pakka di", "sendingen din", "er på vei", "er sendt",
            "klar til henting", "hentemelding", "din billett", "billetten din", "billettene dine", "reisebekreftelse",
            "din reise", "bookingbekreftelse", "reservasjonsbekreftelse", "betalingsbekreftelse", "betalingen er *",
            "faktura fra", "din faktura", "fakturaen din", "ny faktura", "abonnementet ditt", "ditt abonnement", "stadfesting *",
            "orderbekräftelse", "din beställning", "tack för din *", "ordrebekræftelse", "tak for din *", "bestellbestätigung",
            "ihre bestellung", "ihre rechnung", "votre commande", "votre facture",
        ),
    ),
    (
        RegistrationKind.BANK,
        _pattern(
            "account statement", "bank statement", "your statement", "card ending", "your card", "e-statement", "efaktura",
            "e-faktura", "avtalegiro", "kontoutskrift*", "kontoutdrag", "årsoppgave*", "nettbank*", "kredittkort*",
            "forsikringen din", "forsikringsbevis", "skademelding", "lånet ditt", "renteendring", "insurance policy",
            "mobilbank*", "bankid", "kontoauszug", "relevé de compte",
        ),
    ),
    (
        RegistrationKind.PUBLIC,
        _pattern(
            "altinn", "digital postkasse", "digipost", "skattemelding*", "skatteoppgjør*", "skattekort*", "vedtak *",
            "valgkort", "tax return", "ny melding fra nav", "helsenorge", "timebestilling", "søknad* din *", "søknaden er *",
            "saksbehandling*", "byggesak*", "barnehageplass*",
        ),
    ),
    (
        RegistrationKind.NEWSLETTER,
        _pattern("newsletter", "nyhetsbrev*", "nyheitsbrev*", "weekly digest", "daily digest", "ukens *", "your weekly *"),
    ),
)  # fmt: skip
_WEAK = (
    (
        RegistrationKind.PURCHASE,
        _pattern(
            "receipt*", "invoice*", "order*", "shipping", "shipped", "delivery", "delivered", "booking", "reservation",
            "payment*", "subscription*", "renewal", "purchase*", "refund*", "ticket*",
            "kvittering*", "faktura*", "ordre*", "bestilling*",
            "levering*", "leveranse*", "pakke*", "sending*", "billett*", "reservasjon*", "betaling*", "abonnement*", "kjøp*",
            "rechnung", "commande", "faktura",
        ),
    ),
    (
        RegistrationKind.ACCOUNT,
        _pattern(
            "account*", "password*", "login", "log in", "sign in", "sign-in", "sign up", "registration", "registered", "verify",
            "verification", "confirm*", "activate", "welcome", "profile", "terms of service", "terms of use", "privacy policy",
            "notification*", "reminder", "konto*", "passord*", "innlogging", "pålogging", "registrer*", "bekreft*", "aktiver*",
            "velkommen", "profil*", "vilkår*", "personvern*", "påminnelse", "varsel", "medlem*", "brukernavn", "kundenummer",
            "membership", "renew your *", "new message*", "ny melding", "nye meldinger",
        ),
    ),
    (RegistrationKind.BANK, _pattern("bank*", "forsikring*", "insurance", "lån", "pensjon*", "sparing", "fond", "statement")),
    (RegistrationKind.NEWSLETTER, _pattern("tilbud*", "salg", "sale", "offer*", "deals", "% off", "rabatt*", "nyheter", "news")),
)  # fmt: skip
_PUBLIC_HOST = re.compile(
    r"(?:^|\.)(?:gov|gov\.[a-z]{2}|mil|gouv\.fr|bund\.de|dep\.no|kommune\.no|fylke\.no|stat\.no|gv\.at)$"
)
_WORDS_OF_BANKS = ("bank", "forsikring", "insurance")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Signs of one message about its sender.

    Attributes:
        host: of the author, or of the mailing list, in lower case; "" for nobody.
        list_id: the identifier of a mailing list (RFC 2919), which tells two lists of one host apart.
        kind: what the words or the host speak of.
        points: how much the message looks like one of a service.
    """

    writer: Writer
    host: str = ""
    address: str = ""
    name: str = ""
    list_id: str = ""
    kind: RegistrationKind = RegistrationKind.ACCOUNT
    points: int = 0


_NOTHING = Evidence(Writer.NOBODY)


def read_evidence(fields: Header) -> Evidence:
    """Judge one message by its header."""
    author = next((one for one in fields.authors if one.localpart and one.host), None)
    if author is None:
        return _NOTHING
    local, host = author.localpart.lower(), author.host.lower().rstrip(".")
    if local in _REPORTS or _is_reply_of_program(fields) or "multipart/report" in fields.text("content-type").lower():
        return _NOTHING
    if "@" in fields.text("list-post") and (list_id := _read_list_id(fields)):  # NO where nobody writes to it
        return Evidence(
            Writer.LIST, list_id.partition(".")[2] or host, author.spec, "", list_id, RegistrationKind.LIST, ENOUGH
        )
    takes_no_answers = bool(_NO_ANSWERS.search(local))
    subject = fields.text("subject")[:MAX_SUBJECT]
    person = Evidence(Writer.PERSON, host, author.spec.lower(), author.name)
    if not takes_no_answers and (fields.has("in-reply-to") or _ANSWER.match(subject)):
        return person
    if host in PERSONAL_HOSTS and not takes_no_answers:
        return person
    points = _count_points(fields, local, takes_no_answers=takes_no_answers)
    if not points:
        return person
    if _SHARED.search(author.name) or _SHARED.search(subject):
        points -= 2  # somebody else told a service of this address
    kind, more = read_words(subject)
    if (kind_by_host := kind_of_host(host)) is not None:
        kind, more = kind_by_host, more + 1
    return Evidence(
        Writer.PROGRAM,
        _find_own_host(fields, host),
        author.spec.lower(),
        author.name,
        "",
        kind or RegistrationKind.NEWSLETTER,
        max(0, points + more),
    )


def _is_reply_of_program(fields: Header) -> bool:
    """Is it an automatic answer (RFC 3834 section 5), such as those of people who are away?"""
    words = [automatic.keyword(value) for value in fields.values("auto-submitted")]
    return any(word.startswith("auto-replied") or word.startswith("auto-notified") for word in words)


def _count_points(fields: Header, local: str, *, takes_no_answers: bool) -> int:
    """Count the points that do not rest on words; 0 says that a person may have written it."""
    if fields.has("list-unsubscribe"):
        return ENOUGH
    is_program = automatic.is_auto_submitted(fields) or automatic.is_bulk(fields)
    return 2 * takes_no_answers or 2 * is_program or (1 if _ROLES.search(local) else 0)


def read_words(subject: str) -> tuple[RegistrationKind | None, int]:
    """Return what the words of a subject speak of, and their points: two for what people hardly write."""
    folded = fold(subject[:MAX_SUBJECT])
    for patterns, points in ((_STRONG, 2), (_WEAK, 1)):
        for kind, pattern in patterns:
            if pattern.search(folded):
                return kind, points
    return None, 0


def kind_of_host(host: str) -> RegistrationKind | None:
    """Return the kind of a host that is known, or whose name tells it."""
    if (known := find_known(host)) is not None:
        return known
    if _PUBLIC_HOST.search(host):
        return RegistrationKind.PUBLIC
    names = host.split(".")[-3:-1]  # the one that is registered is among them, also under `co.uk`
    return RegistrationKind.BANK if any(word in name for name in names for word in _WORDS_OF_BANKS) else None


def find_known(host: str) -> RegistrationKind | None:
    """Return the kind of the known service that has this host, or one above it."""
    while "." in host:
        if (service := KNOWN_HOSTS.get(host)) is not None:
            return service.kind
        host = host.partition(".")[2]
    return None


def _find_own_host(fields: Header, host: str) -> str:
    """Return the host that the service is known by: where a host sends for many, the one that takes the answers."""
    if not any(host == one or host.endswith(f".{one}") for one in _SENDING_HOSTS):
        return host
    answers = next((one.host.lower() for one in fields.addresses("reply-to") if one.localpart and one.host), "")
    return answers if answers and answers not in PERSONAL_HOSTS else host


def _read_list_id(fields: Header) -> str:
    """Return the identifier in the brackets of List-Id (RFC 2919 section 2), in lower case."""
    value = fields.text("list-id")
    found = value.rpartition("<")[2].partition(">")[0] if "<" in value else value
    found = found.strip().lower()
    return found if re.fullmatch(r"[a-z0-9._+-]{1,200}", found) and "." in found else ""

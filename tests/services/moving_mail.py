"""A mailbox of many years: sixty services and lists that its owner is registered with, in between much that is none."""

import random
from collections.abc import Iterator

NAMES = ("Kari Holm", "Per Ås", "Ida Vik", "Jonas Berg", "Nora Lund", "Emil Dahl", "Sara Moe", "Lars Lie", "Anna Bakke")

# author, subject, further fields; every service wrote once or a few times
SERVICES = (
    ("GitHub <noreply@github.com>", "[GitHub] Please verify your email address", ""),
    ("LinkedIn <messages-noreply@linkedin.com>", "Ola, du vises i søk denne uken", "List-Unsubscribe: <https://www.linkedin.com/x>"),
    ("Spotify <no-reply@spotify.com>", "Your Premium receipt", ""),
    ("Netflix <info@account.netflix.com>", "A new device is using your account", "List-Unsubscribe: <https://netflix.com/u>"),
    ("Apple <no_reply@email.apple.com>", "Your receipt from Apple.", ""),
    ("PayPal <service@paypal.com>", "Receipt for Your Payment to Boksalg AS", ""),
    ("Vipps <noreply@vipps.no>", "Kvittering for betaling", ""),
    ("DNB <ikke-svar@dnb.no>", "Du har fått en ny melding i nettbanken", ""),
    ("Skatteetaten <noreply@skatteetaten.no>", "Skattemeldingen din er klar", ""),
    ("Altinn <noreply@altinn.no>", "Du har fått en melding i Altinn", ""),
    ("Digipost <noreply@digipost.no>", "Nytt brev fra NAV i Digipost", ""),
    ("Helsenorge <ikke-svar@helsenorge.no>", "Du har en ny melding på Helsenorge", ""),
    ("Lånekassen <ikkesvar@lanekassen.no>", "Nytt brev på Dine sider", ""),
    ("Bergen kommune <ikke-svar@bergen.kommune.no>", "Søknad om barnehageplass er mottatt", ""),
    ("Vy <ikkesvar@vy.no>", "Billetten din til Oslo S", ""),
    ("SAS <no-reply@flysas.com>", "Your flight booking XK39P2", ""),
    ("Komplett.no <ordre@komplett.no>", "Ordrebekreftelse 88211", ""),
    ("Elkjøp <kundeservice@elkjop.no>", "Takk for bestillingen din", ""),
    ("Posten <noreply@posten.no>", "Pakken din er klar til henting", ""),
    ("Adlibris <post@adlibris-no.example>", "Din bestilling er sendt", ""),
    ("Kolonial <hei@matvarer.example>", "Kvittering for ordre 1182", ""),
    ("Hytteutleie <booking@hytter.example>", "Bookingbekreftelse, uke 9", ""),
    ("Teateret <billett@teater.example>", "Billettene dine til Peer Gynt", ""),
    ("Treningssenteret <medlem@trening.example>", "Velkommen som medlem!", ""),
    ("Bokklubben <nyhetsbrev@bokklubb.example>", "Månedens bok", "List-Unsubscribe: <mailto:av@bokklubb.example>"),
    ("Aftenposten <nyheter@avis.example>", "Dette skjer i dag", "List-Unsubscribe: <https://avis.example/av>"),
    ("The Economist <newsletters@e.economist.example>", "The world this week", "List-Unsubscribe: <https://e.economist.example/u>"),
    ("Nature <alerts@nature-alerts.example>", "Nature contents", "List-Unsubscribe: <https://nature-alerts.example/u>"),
    ("Strava <no-reply@strava.example>", "Nora gave you kudos", ""),
    ("Discord <noreply@discord.com>", "Verify Email Address for Discord", ""),
    ("Steam <noreply@steampowered.com>", "Your Steam account: Access from new computer", ""),
    ("Dropbox <no-reply@dropbox.com>", "Logg på Dropbox fra en ny nettleser", ""),
    ("Zoom <no-reply@zoom.us>", "Please activate your Zoom account", ""),
    ("Overleaf <welcome@overleaf.com>", "Confirm your email", ""),
    ("ORCID <DoNotReply@verify.orcid.org>", "Reset your ORCID password", ""),
    ("Zotero <no-reply@zotero.org>", "Zotero: Please validate your email", ""),
    ("Elsevier <submissions@elsevier.example>", "Your registration with Editorial Manager", "Auto-Submitted: auto-generated"),
    ("arXiv <e-prints@arxiv.example>", "arXiv registration: verification code 1182", ""),
    ("Tekna <medlemsservice@tekna.example>", "Faktura for medlemskap", "Auto-Submitted: auto-generated"),
    ("Gjensidige <noreply@gjensidige.no>", "Forsikringsbevis for bilen", ""),
    ("Sparebanken <varsel@sparebanken-vest.example>", "Årsoppgaven din er klar", ""),
    ("Telenor <faktura@telenor.no>", "Faktura fra Telenor", ""),
    ("Fjordkraft <faktura@strom.example>", "Ny faktura for strøm", ""),
    ("Airbnb <automated@airbnb.com>", "Reservation confirmed for Lisbon", ""),
    ("Booking.com <noreply@booking.com>", "Takk! Oppholdet ditt i Roma er bekreftet", ""),
    ("Uber Receipts <noreply@uber.com>", "Your Tuesday evening trip with Uber", ""),
    ("Facebook <security@facebookmail.com>", "Did you log in somewhere new?", ""),
    ("Instagram <security@mail.instagram.com>", "New login to Instagram", ""),
    ("Google <no-reply@accounts.google.com>", "Sikkerhetsvarsel", ""),
    ("Microsoft <account-security-noreply@accountprotection.microsoft.com>", "Microsoft account security code", ""),
    ("Mailchimp-butikken <store+7731@t.shopifyemail.com>", "Order #1021 confirmed",
     "Reply-To: post@garnbutikken.example\nList-Unsubscribe: <https://shopifyemail.com/u>"),
    ("Idrettslaget <post@idrettslag.example>", "Kontingent: faktura 2021", "Auto-Submitted: auto-generated"),
    ("IKEA <no-reply@ikea.example>", "Passordet er endret", ""),
    ("Norges Bank <ikkesvar@norges-bank.example>", "Påmelding til seminar er registrert", ""),
    ("Deutsche Bahn <noreply@bahn.example>", "Ihre Buchung nach Berlin", ""),
)  # fmt: skip
LISTS = ("seilere", "kor", "alumni-fysikk", "python-no", "lokalhistorie")

_TALK = (
    "Middag på fredag", "Bilder fra turen", "Faktura for hytta", "Kvittering for middagen", "Passordet til wifi", "Velkommen!",
    "Konto for dugnaden", "Ordre til treneren", "Takk for sist", "Artikkelen vår", "Møte tirsdag", "Billetter til konserten",
    "Order of the talks", "Welcome back", "Booking av rom 204", "Reset the meeting?", "Sommerfest", "Confirm Tuesday?",
)  # fmt: skip
_SPAM = (
    "You won",
    "Cheap watches",
    "Your account is suspended",
    "Invoice attached",
    "Loan approved",
    "Verify your wallet",
)


def write(author: str, subject: str, more: str = "", body: str = "Hei\n", to: str = "ola@alumni.example") -> bytes:
    extra = f"{more}\n" if more else ""
    return f"From: {author}\nTo: {to}\nSubject: {subject}\n{extra}\n{body}".replace("\n", "\r\n").encode()


def host_of(author: str) -> str:
    return author.partition("@")[2].rstrip(">")


def build(count: int, seed: int = 7) -> Iterator[tuple[str, bytes]]:
    """Yield mailbox and message, `count` of them, in a mixed order."""
    chance = random.Random(seed)  # noqa: S311 - a test
    made: list[tuple[str, bytes]] = []
    for number, (author, subject, more) in enumerate(SERVICES):
        for turn in range(1 + number % 4):
            made.append(("INBOX" if number % 3 else "Kvitteringer", write(author, subject, more, f"Nr. {turn}\n")))
    for name in LISTS:
        for turn in range(30):
            who = chance.choice(NAMES)
            made.append((
                "INBOX",
                write(
                    f"{who} <{who.split()[0].lower()}@gmail.com>", f"Re: Tema {turn}",
                    f"List-Id: <{name}.lister.example>\nList-Post: <mailto:{name}@lister.example>", f"{turn}\n",
                ),
            ))  # fmt: skip
    while len(made) < count:
        number = len(made)
        made.append(_noise(chance, number))
    chance.shuffle(made)
    return iter(made)


def _noise(chance: random.Random, number: int) -> tuple[str, bytes]:
    name = chance.choice(NAMES)
    first, subject, body = name.split()[0].lower(), chance.choice(_TALK), f"{number}\n"
    friend = f"{first}{number % 40}@{chance.choice(('gmail.com', 'uni.example', 'firma.example', 'online.no'))}"
    kind = number % 20
    if kind < 11:
        return "INBOX", write(f"{name} <{friend}>", subject, "", body)
    if kind < 14:
        return "INBOX", write(f"{name} <{friend}>", f"Re: {subject}", "In-Reply-To: <a@b.example>", body)
    if kind == 14:
        return "INBOX", write(f"{name} <{friend}>", "Fwd: Your receipt from Apple", "", body)
    if kind == 15:
        return "INBOX", write(f"{name} <{friend}>", "Fraværende: Re: Hei", "Auto-Submitted: auto-replied", body)
    if kind == 16:
        report = "Content-Type: multipart/report; boundary=x\nAuto-Submitted: auto-replied"
        return "INBOX", write(
            f"Mail Delivery System <mailer-daemon@mx{number % 50}.example>", "Undelivered mail", report, body
        )
    if kind == 17:
        spam = f"Offer <noreply@spam{number % 300}.example>"
        return "Junk", write(spam, chance.choice(_SPAM), "List-Unsubscribe: <https://spam.example>", body)
    if kind == 18:
        return "Sent", write("Ola <ola@alumni.example>", subject, "", body, to=f"{name} <{friend}>")
    once = f"info@firma{number}.example"  # somebody at a company, once
    return "INBOX", write(f"{name} <{once}>", "Hyggelig å møte deg", "", body)

"""Services that many people use: what they are, and the page on which one changes one's address there.

A page is given only where it has stood for years; everybody else has their front page.  A host in `also` sends for the service.
"""

from dataclasses import dataclass

from mailcore.domain import RegistrationKind


@dataclass(frozen=True, slots=True)
class KnownService:
    """`page` is a URL, or "" for the front page of `host`."""

    host: str
    name: str
    kind: RegistrationKind
    page: str = ""
    also: tuple[str, ...] = ()


_ACCOUNT, _PURCHASE = RegistrationKind.ACCOUNT, RegistrationKind.PURCHASE
_BANK, _PUBLIC = RegistrationKind.BANK, RegistrationKind.PUBLIC

KNOWN = (
    KnownService("google.com", "Google", _ACCOUNT, "https://myaccount.google.com/email", ("youtube.com",)),
    KnownService("apple.com", "Apple", _ACCOUNT, "https://account.apple.com/"),
    KnownService(
        "microsoft.com", "Microsoft", _ACCOUNT, "https://account.microsoft.com/profile", ("microsoftonline.com", "skype.com")
    ),
    KnownService("facebook.com", "Facebook", _ACCOUNT, "https://accountscenter.facebook.com/", ("facebookmail.com",)),
    KnownService("instagram.com", "Instagram", _ACCOUNT, "https://accountscenter.instagram.com/"),
    KnownService("linkedin.com", "LinkedIn", _ACCOUNT, "https://www.linkedin.com/mypreferences/d/manage-email-addresses"),
    KnownService("x.com", "X", _ACCOUNT, "https://x.com/settings/email", ("twitter.com",)),
    KnownService("github.com", "GitHub", _ACCOUNT, "https://github.com/settings/emails", ("githubmail.com",)),
    KnownService("gitlab.com", "GitLab", _ACCOUNT, "https://gitlab.com/-/user_settings/profile"),
    KnownService("stackoverflow.com", "Stack Overflow", _ACCOUNT, "https://stackoverflow.com/users/email/settings/current",
                 ("stackexchange.com", "stackoverflow.email")),
    KnownService("wikipedia.org", "Wikipedia", _ACCOUNT, "https://en.wikipedia.org/wiki/Special:ChangeEmail",
                 ("wikimedia.org",)),
    KnownService("orcid.org", "ORCID", _ACCOUNT, "https://orcid.org/account"),
    KnownService("overleaf.com", "Overleaf", _ACCOUNT, "https://www.overleaf.com/user/settings"),
    KnownService("zotero.org", "Zotero", _ACCOUNT, "https://www.zotero.org/settings/account"),
    KnownService("researchgate.net", "ResearchGate", _ACCOUNT, "", ("researchgatemail.net",)),
    KnownService("academia.edu", "Academia.edu", _ACCOUNT, "", ("academia-mail.com",)),
    KnownService("dropbox.com", "Dropbox", _ACCOUNT, "https://www.dropbox.com/account/general", ("dropboxmail.com",)),
    KnownService("adobe.com", "Adobe", _ACCOUNT, "https://account.adobe.com/"),
    KnownService("slack.com", "Slack", _ACCOUNT),
    KnownService("zoom.us", "Zoom", _ACCOUNT, "https://zoom.us/profile"),
    KnownService("discord.com", "Discord", _ACCOUNT, "", ("discordapp.com",)),
    KnownService("reddit.com", "Reddit", _ACCOUNT, "https://www.reddit.com/settings/account", ("redditmail.com",)),
    KnownService("pinterest.com", "Pinterest", _ACCOUNT),
    KnownService("snapchat.com", "Snapchat", _ACCOUNT),
    KnownService("tiktok.com", "TikTok", _ACCOUNT),
    KnownService("spotify.com", "Spotify", _PURCHASE, "https://www.spotify.com/account/profile/"),
    KnownService("netflix.com", "Netflix", _PURCHASE, "https://www.netflix.com/account"),
    KnownService("steampowered.com", "Steam", _PURCHASE, "https://store.steampowered.com/account/"),
    KnownService("amazon.com", "Amazon", _PURCHASE, "https://www.amazon.com/gp/css/homepage.html"),
    KnownService("ebay.com", "eBay", _PURCHASE),
    KnownService("etsy.com", "Etsy", _PURCHASE),
    KnownService("paypal.com", "PayPal", _BANK, "https://www.paypal.com/myaccount/settings/", ("paypal.no",)),
    KnownService("klarna.com", "Klarna", _BANK),
    KnownService("booking.com", "Booking.com", _PURCHASE, "https://account.booking.com/mysettings"),
    KnownService("airbnb.com", "Airbnb", _PURCHASE, "https://www.airbnb.com/account-settings/personal-info"),
    KnownService("uber.com", "Uber", _PURCHASE, "https://account.uber.com/"),
    KnownService("flysas.com", "SAS", _PURCHASE, "", ("sas.no", "sas.se", "sas.dk")),
    KnownService("norwegian.com", "Norwegian", _PURCHASE, "", ("norwegian.no",)),
    KnownService("vy.no", "Vy", _PURCHASE),
    KnownService("ruter.no", "Ruter", _PURCHASE),
    KnownService("entur.no", "Entur", _PURCHASE),
    KnownService("finn.no", "FINN.no", _ACCOUNT),
    KnownService("vipps.no", "Vipps", _BANK, "", ("vippsmobilepay.com",)),
    KnownService("posten.no", "Posten", _PURCHASE, "", ("bring.com", "bring.no")),
    KnownService("postnord.no", "PostNord", _PURCHASE, "", ("postnord.com",)),
    KnownService("komplett.no", "Komplett", _PURCHASE),
    KnownService("elkjop.no", "Elkjøp", _PURCHASE),
    KnownService("ark.no", "Ark", _PURCHASE),
    KnownService("telenor.no", "Telenor", _PURCHASE),
    KnownService("telia.no", "Telia", _PURCHASE),
    KnownService("dnb.no", "DNB", _BANK),
    KnownService("nordea.no", "Nordea", _BANK, "", ("nordea.com",)),
    KnownService("sparebank1.no", "SpareBank 1", _BANK),
    KnownService("gjensidige.no", "Gjensidige", _BANK),
    KnownService("storebrand.no", "Storebrand", _BANK),
    KnownService("klp.no", "KLP", _BANK),
    KnownService("spk.no", "Statens pensjonskasse", _PUBLIC),
    KnownService("altinn.no", "Altinn", _PUBLIC),
    KnownService("skatteetaten.no", "Skatteetaten", _PUBLIC),
    KnownService("nav.no", "NAV", _PUBLIC),
    KnownService("helsenorge.no", "Helsenorge", _PUBLIC),
    KnownService("digipost.no", "Digipost", _PUBLIC),
    KnownService("e-boks.no", "e-Boks", _PUBLIC, "", ("e-boks.com", "e-boks.dk")),
    KnownService("lanekassen.no", "Lånekassen", _PUBLIC),
    KnownService("vegvesen.no", "Statens vegvesen", _PUBLIC),
    KnownService("norge.no", "norge.no", _PUBLIC, "", ("digdir.no", "difi.no")),
    KnownService("brreg.no", "Brønnøysundregistrene", _PUBLIC),
    KnownService("samordnaopptak.no", "Samordna opptak", _PUBLIC),
    KnownService("feide.no", "Feide", _ACCOUNT, "", ("sikt.no",)),
)  # fmt: skip
KNOWN_HOSTS = {host: service for service in KNOWN for host in (service.host, *service.also)}

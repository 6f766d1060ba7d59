"""Three languages.  Catalogues are read from the .po files when the program starts; nothing is compiled to disk.

English is what stands in the source: it has no catalogue.
"""

from functools import cache
from io import BytesIO

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask import Flask, g, request, session
from flask_babel import Domain, get_locale, refresh

from mailcore.package_data import folder_of
from mailcore.services.notices import catalogue as message_catalogue

LANGUAGES = {"nb": "Bokmål", "nn": "Nynorsk", "en": "English"}
FOLDERS = (folder_of("mailcore", "translations"), folder_of("portal", "translations"))


def read_catalogues(language: str) -> Catalog:
    """Read the catalogues of a language as one: messages.po, a file for each feature, and said.po of mailcore."""
    together = Catalog(locale=language)
    for path in sorted(path for folder in FOLDERS for path in (folder / language / "LC_MESSAGES").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id:
                    together[message.id] = message
    return together


@cache
def catalogue(language: str) -> Translations:
    octets = BytesIO()
    write_mo(octets, read_catalogues(language))
    octets.seek(0)
    return Translations(fp=octets)


class PoDomain(Domain):  # type: ignore[misc]  # flask-babel has no types
    def get_translations(self) -> Translations:
        return _here()

    def gettext(self, string: str, **variables: object) -> str:
        """A third of the way of flask-babel's, which asks for what this request has asked for already."""
        said = str(_here().ugettext(string))
        return said % variables if variables else said


def _here() -> Translations:
    """The catalogue of this request, chosen once: a page asks fifty times."""
    found = g.get("catalogue")
    if found is None:
        found = g.catalogue = catalogue(choose_language())
    return found


def choose_again() -> None:
    """Discard the language chosen before: the person has just chosen another one."""
    g.pop("catalogue", None)
    refresh()


def register(app: Flask) -> None:
    """Templates ask the catalogue itself, by a third of the way of flask-babel's."""
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # of the extension that flask-babel adds
        lambda text: _here().ugettext(text),
        lambda one, several, number: _here().ungettext(one, several, number),
        newstyle=True,
        pgettext=lambda context, text: _here().upgettext(context, text),
        npgettext=lambda context, one, several, number: _here().unpgettext(context, one, several, number),
    )


def choose_language() -> str:
    """?lang=, else the session, else the account, else what the browser asks for."""
    asked = request.args.get("lang", "")
    if asked in LANGUAGES:
        return asked
    stored = session.get("language", "")
    if stored in LANGUAGES:
        return str(stored)
    account = g.get("account")
    if account and account.language in LANGUAGES:
        return str(account.language)
    # browsers name Norwegian "no" or "nb-NO"
    best = request.accept_languages.best_match(["nb", "nb-NO", "no", "nn", "nn-NO", "en"], "nb")
    return {"no": "nb"}.get(best, best.partition("-")[0])


def language() -> str:
    return str(get_locale()) if get_locale() else "nb"


def translate(text: str) -> str:
    """Translate a service's text for the reader; what has no translation (a server's answer) stays as it is."""
    return message_catalogue.translate(text, lambda said: str(_here().ugettext(said)))

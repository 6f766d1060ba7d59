"""CWE-521: what everybody knows who wants in is no password: the site, its domain and host, the owner's names."""

from datetime import UTC, datetime

import pytest

from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Account, AccountId, AccountState
from mailcore.errors import WeakPassword
from mailcore.services.accounts import accounts
from mailcore.services.credentials import credentials, strength
from tests.processor import measure_cost
from tests.services.conftest import clock, core  # noqa: F401 - fixtures

CONFIG = Config(
    domain="alumni.ntnu.example", hostname="mx1.post.example", public_url="https://epost.alumni.ntnu.example"
)
OLA = Account(
    AccountId(1),
    "ola.nordmann",
    "Ola Bjørnstjerne Nordmann",
    None,
    0,
    0,
    "nb",
    "skjeggkre99@gmail.example",
    AccountState.ACTIVE,
    datetime(2026, 6, 1, tzinfo=UTC),
)


@pytest.mark.parametrize("password", [
    # the site
    "alumni.ntnu.example", "Alumni.NTNU.Example", "alumni.ntnu.example1", "alumnintnuexample", "alumni-ntnu-example!",
    "mx1.post.example", "epost.alumni.ntnu.example", "https://epost.alumni.ntnu.example", "elpmaxe.untn.inmula",
    "AlumniMail2026!", "alumnimail-alumnimail", "alumn1m41l2026", "ntnu-alumni-ntnu-2026", "alumnialumnialumni",
    "webmail@alumni1",
    # the person
    "ola.nordmann", "Ola.Nordmann2026", "olanordmann123", "nordmann.ola!!", "nnamdron.alo", "0l4.n0rdm4nn", "olaolaola2026",
    "ola.nordmann@alumni.ntnu.example", "OlaBjørnstjerneNordmann", "bjornstjerne1999", "Bjørnstjerne-1814", "skjeggkre99!!",
    "ola nordmann ntnu alumni 2026", "Ola Nordmann passord", "nordmann-alumni-hemmelig",
])  # fmt: skip
def test_names_of_site_and_owner_are_no_passwords(password: str) -> None:
    with pytest.raises(WeakPassword):
        strength.check_strength(password, OLA, strength.list_site_words(CONFIG))


@pytest.mark.parametrize("password", [
    "en lang setning om fjellet", "ola liker brune geitoster", "alumni spiser brød hver lørdag", "correct horse battery staple",
    "Jeg heter Nordmann, men bor i Sverige", "k7vx2m9qzt4w", "vinterdekk ruster under garasjen", "ntnu lukter av fersk maling",
])  # fmt: skip
def test_sentences_pass_also_with_a_name_in_them(password: str) -> None:
    strength.check_strength(password, OLA, strength.list_site_words(CONFIG))


def test_each_way_to_set_one_knows_the_site(core: Core) -> None:  # noqa: F811
    ola = accounts.add_account(core, "ola", password="x")
    link = accounts.create_password_link(core, "ola").rpartition("/")[2]
    for password in ("alumni.example", "ola@alumni.example", "http://alumni.example/", "Alumni-Example-2026"):
        with pytest.raises(WeakPassword):
            credentials.set_password(core, ola.id, password)
        with pytest.raises(WeakPassword):
            credentials.redeem_link(core, link, password)
    with pytest.raises(WeakPassword):
        credentials.change_password(core, ola.id, "x", "ola@alumni.example")


@pytest.mark.parametrize(
    "text",
    [
        "ab" * 511 + "!x",
        "passord" * 146,
        "aab" * 341,
        "olanordmann" * 93,
        "abcabd" * 170,
        "xq" + "a1" * 500,
    ],
)
def test_the_longest_password_is_judged_at_once(text: str) -> None:
    """Time grows with the length, and not with its square."""

    def seconds(password: str) -> float:
        words = {OLA.name, OLA.display_name, *strength.list_site_words(CONFIG)}
        return measure_cost(lambda: strength.is_guessable(password, words))

    seconds("warm the list up")
    quarter, whole = min(seconds(text[:256]) for _ in range(3)), min(seconds(text[:1024]) for _ in range(3))
    assert whole < max(6 * quarter, 0.02)
    assert whole < 1


@pytest.mark.parametrize(
    "password", ["alumni-uib-no", "alumni_uib_no 2026", "uib.no uib.no uib.no", "Uib-No alumni 1!"]
)
def test_a_name_whose_last_part_is_two_letters_is_no_password_with_other_signs_either(password: str) -> None:
    assert strength.is_guessable(password, strength.list_site_words(Config(domain="alumni.uib.no")))


@pytest.mark.parametrize("password", ["katten spiser fisk i dag", "blue sky over bergen", "en to tre fire fem"])
def test_a_sentence_passes_at_such_a_site(password: str) -> None:
    assert not strength.is_guessable(password, strength.list_site_words(Config(domain="alumni.uib.no")))

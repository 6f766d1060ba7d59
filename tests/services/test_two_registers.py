"""A directory and an identity system that spell a name differently: who is told by the one is not renamed by the other."""

import pytest
from scim2_models import ResourceType

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Account
from mailcore.services.accounts import accounts, affiliations, name_changes
from mailcore.services.provisioning import people
from mailcore.services.provisioning.models import Tie, User
from tests.directory import university

OURS = "en god lang setning"


@pytest.fixture(scope="module")
def slapd(tmp_path_factory):
    with university(tmp_path_factory.mktemp("slapd")) as server:
        yield server


@pytest.fixture
def core(tmp_path, clock, slapd):
    made = cores.build(Config(data=str(tmp_path), directory=slapd.settings()), clock)
    yield made
    cores.close(made)


def tell(core: Core, person: str, name: str) -> None:
    """Say by SCIM what the identity system says."""
    told = User[Tie](user_name=f"login-{person}", external_id=person, display_name=name, active=True)
    people.ProvisionedPeople(core).create(ResourceType.from_resource(User[Tie]), told)


def test_n38_the_directory_does_not_rename_whom_the_identity_system_tells(core: Core, slapd) -> None:
    slapd.add("olalie", "p77", OURS, "student")
    entry = next(one for one in affiliations.get_directory(core).list_people() if one.person == "p77")
    owner: Account = accounts.add_account(
        core, "olalie", display_name="Ola Lie Nordmann", person=entry.person, password=OURS
    )
    assert entry.name
    assert entry.name != "Ola Lie Nordmann"
    tell(core, entry.person, "Ola Lie Nordmann")
    affiliations.sync_directory(core)
    assert name_changes.find_offer(core, owner.id) is None
    names = core.db.read(lambda tx: tx.rows("SELECT name FROM affiliation WHERE person=?", entry.person))
    assert names == [("Ola Lie Nordmann",)]

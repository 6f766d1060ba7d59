"""SCIM: a PATCH costs by the sizes of request and group, not by their product (CWE-407)."""

import itertools
import random

import pytest
from scim2_models import Meta, PatchOp
from scim2_server.conditions import Conditions

from mailcore.services.provisioning import api_tokens, member_patches, people
from mailcore.services.provisioning.api_tokens import TokenScope
from mailcore.services.provisioning.models import Group
from tests.attacks.portal.conftest import Site
from tests.portal.test_scim import GROUP, USER, System
from tests.round_trips import counted

MEMBERS = 40
numbers = itertools.count()


@pytest.fixture
def system(site: Site, monkeypatch: pytest.MonkeyPatch) -> System:
    monkeypatch.setattr(api_tokens, "MOST_PER_MINUTE", 10_000)
    return System(site.app.test_client(), api_tokens.create_token(site.core, "IAM", TokenScope.SCIM, actor="test"))


def add_group(system: System, members: int) -> tuple[str, list[str]]:
    told = [{"schemas": [USER], "userName": f"{next(numbers)}"} for _ in range(members)]
    ids = [system.ask("POST", "/Users", one).json["id"] for one in told]
    group = {"schemas": [GROUP], "displayName": f"group {members}", "members": [{"value": one} for one in ids]}
    return system.ask("POST", "/Groups", group).json["id"], ids


def removing(*ids: str) -> list[dict[str, object]]:
    return [{"op": "remove", "path": f'members[value eq "{one}"]'} for one in ids]


def list_members(system: System, group: str) -> list[str]:
    return [one["value"] for one in system.ask("GET", f"/Groups/{group}").json.get("members", ())]


def test_members_named_one_by_one_are_no_work_and_other_operations_are_bounded(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member_patches, "MAX_WORK", MEMBERS)
    group, ids = add_group(system, MEMBERS)
    adding: list[dict[str, object]] = [{"op": "Add", "path": "members", "value": [{"value": one}]} for one in ids[:2]]
    assert system.patch(f"/Groups/{group}", *removing(*ids[:30]), *adding).status_code == 204
    assert sorted(list_members(system, group)) == sorted([*ids[:2], *ids[30:]])
    others: list[dict[str, object]] = [
        {"op": "remove", "path": f'members[value eq "{one}" and type eq "User"]'} for one in ids[:5]
    ]
    refused = system.patch(f"/Groups/{group}", *others)
    assert (refused.status_code, refused.json["status"]) == (413, "413")
    assert refused.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert system.patch(f"/Groups/{group}", others[0]).status_code == 204  # one operation is always carried out
    assert system.patch(f"/Groups/{group}", *removing(*list_members(system, group))).status_code == 204
    assert list_members(system, group) == []


def test_a_change_of_one_member_asks_nothing_of_the_others(system: System) -> None:
    statements = []
    for members in (5, MEMBERS):
        group, ids = add_group(system, members)
        with counted() as waited:
            assert system.patch(f"/Groups/{group}", *removing(ids[1])).status_code == 204
        statements.append(len(waited))
    assert statements[0] == statements[1]


def test_a_group_that_is_renamed_changes_every_member(site: Site, system: System) -> None:
    group, ids = add_group(system, 3)
    system.patch(f"/Groups/{group}", {"op": "replace", "path": "displayName", "value": "Alumni"})
    found = site.core.db.read(lambda tx: tx.rows("SELECT person FROM affiliation WHERE kinds='alumni'"))
    assert len(found) == len(ids)


@pytest.mark.parametrize("seed", range(10))
def test_what_is_carried_out_together_ends_as_one_by_one(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - no secret
    names = "abcdef"
    operations = [
        removing(dice.choice(names))[0]
        if dice.random() < 0.5
        else {"op": "add", "path": "members", "value": [{"value": dice.choice(names)} for _ in range(2)]}
        for _ in range(8)
    ]
    told = {"displayName": "x", "members": [{"value": one} for one in dice.sample(names, 3)]}
    patch = PatchOp[Group].model_validate({"Operations": operations})
    ours, theirs = Group.model_validate(told), Group.model_validate(told)
    ours.meta = Meta(version='W/"1"')
    changed = member_patches.BoundedService(people._provider).apply_patch(ours, patch, Conditions())
    assert (changed is not None) == patch.patch(theirs)
    # theirs has a member twice that one operation names twice
    assert [one.value for one in ours.members or ()] == list(dict.fromkeys(one.value for one in theirs.members or ()))

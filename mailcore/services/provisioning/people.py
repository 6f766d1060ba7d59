"""The people of the university as its identity system tells them by SCIM (RFC 7644): they make and change affiliations.

Nothing is taken from anybody here (S09): a person who is inactive or deleted has left the university, as one who has vanished
from the directory, and keeps the account.  scim2-server speaks the protocol; this is where it reads and writes.
"""

import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from scim2_models import (
    Meta,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    SearchRequest,
    UniquenessException,
)
from scim2_models.path import CompareOperator, Comparison
from scim2_server.handler import ScimHandler
from scim2_server.storage import ScimStorage, SearchPage

from mailcore.clock import to_time
from mailcore.core import Core
from mailcore.domain import Affiliation
from mailcore.mail.reading.charsets import to_scalars
from mailcore.services.accounts import name_changes
from mailcore.services.accounts.affiliations import LONG_SECONDS
from mailcore.services.provisioning.member_patches import BoundedService
from mailcore.services.provisioning.models import Group, Tie, User, describe_service
from mailcore.store.engine.db import Tx
from mailcore.store.people import affiliations as affiliation_store
from mailcore.store.people import provisioned as store
from mailcore.store.people.provisioned import Provisioned

USER = "User"
_provider = describe_service()


def create_handler(core: Core) -> ScimHandler:
    """Create what answers requests; it may be used by several threads."""
    return ScimHandler(BoundedService(_provider), ProvisionedPeople(core))


class ProvisionedPeople(ScimStorage):
    """Users and groups in the database, with the affiliations that follow from them in the same transaction."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,  # noqa: ARG002 - a resource is small, and is read whole
    ) -> Resource[Any]:
        return self._core.db.read(lambda tx: _load(_get(tx, resource_type, resource_id)))

    def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,  # noqa: ARG002 - of cursors, which are not offered
    ) -> SearchPage:
        wanted = search_request.filter

        def read(tx: Tx) -> list[Provisioned]:
            return [one for kind in resource_types for one in _list_candidates(tx, str(kind.name), wanted)]

        resources = (_load(one) for one in self._core.db.read(read))
        found = [one for one in resources if wanted is None or wanted.match(one)]
        start = search_request.start_index_0 or 0
        stop = None if search_request.count is None else start + search_request.count
        return SearchPage(len(found), found[start:stop])

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        now = self._core.clock.seconds()
        new = _dump(str(resource_type.name), uuid.uuid4().hex, resource, 1, now, now)
        members = _list_members(resource)

        def write(tx: Tx) -> Resource[Any]:
            _check_unique(tx, new)
            self._save(tx, new, members)
            self._derive(tx, self._list_concerned(tx, new))
            return _load(new)

        return self._core.db.write(write)

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        now, members = self._core.clock.seconds(), _list_members(resource)
        draft = _dump(str(resource_type.name), str(resource.id), resource, 0, 0, now)

        def write(tx: Tx) -> Resource[Any]:
            old = _get(tx, resource_type, draft.id)
            _check_version(old, expected_version)
            new = Provisioned(
                old.id,
                old.type,
                draft.name,
                draft.external,
                draft.person,
                draft.text,
                old.version + 1,
                old.created_at,
                now,
            )
            _check_unique(tx, new)
            before = self._list_concerned(tx, old)
            self._save(tx, new, members)
            if old.person and old.person != new.person:
                affiliation_store.mark_vanished(tx, [old.person], now)
            after = self._list_concerned(tx, new)
            # of a group that is called as it was, those who came and those who went: it may have the whole university
            is_same = new.type != USER and new.name == old.name
            self._derive(tx, before ^ after if is_same else before | after)
            return _load(new)

        return self._core.db.write(write)

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        def write(tx: Tx) -> None:
            old = _get(tx, resource_type, resource_id)
            _check_version(old, expected_version)
            concerned = self._list_concerned(tx, old)
            store.delete_one(tx, old.id)
            if old.person:
                affiliation_store.mark_vanished(tx, [old.person], self._core.clock.seconds())
            self._derive(tx, concerned - {old.id})

        self._core.db.write(write)

    def _save(self, tx: Tx, one: Provisioned, members: Sequence[str]) -> None:
        store.save_one(tx, one)
        if one.type != USER:
            store.save_members(tx, one.id, members)

    @staticmethod
    def _list_concerned(tx: Tx, one: Provisioned) -> set[str]:
        """Return the users whose affiliation follows from a user or a group."""
        return {one.id} if one.type == USER else store.list_members(tx, one.id)

    def _derive(self, tx: Tx, users: Iterable[str]) -> None:
        """Bring the affiliations of users up to date."""
        now, names = self._core.clock.seconds(), dict[str, str]()
        for id_ in users:
            one = store.find_one(tx, USER, id_)
            if one is None:
                continue  # a member that was deleted, or never came
            document: dict[str, Any] = json.loads(one.text)
            tie: dict[str, Any] = document.get(str(Tie.__schema__)) or {}
            kinds = {_to_kind(document.get("userType") or ""), *map(_to_kind, store.list_groups_of(tx, id_))} - {""}
            until = date.fromisoformat(tie["until"]) if tie.get("until") else None
            is_blocked = bool(tie.get("blocked"))
            affiliation = Affiliation(one.person, one.name, tuple(sorted(kinds)), until, True, is_blocked)
            affiliation_store.save_affiliations(tx, [affiliation], now, now - LONG_SECONDS)
            if document.get("active") is False:
                affiliation_store.mark_vanished(tx, [one.person], now)
            if document.get("displayName"):
                names[one.person] = str(document["displayName"])
        name_changes.note_names(self._core, tx, names)


def _to_kind(name: str) -> str:
    """Return a kind of affiliation as the directory writes it: one word in lower case."""
    return "-".join(name.lower().split())[:100]


def _get(tx: Tx, resource_type: ResourceType, id_: str) -> Provisioned:
    one = store.find_one(tx, str(resource_type.name), to_scalars(id_))
    if one is None:
        raise NotFoundException(detail=f"there is no {resource_type.name} of that id")
    return one


def _load(one: Provisioned) -> Resource[Any]:
    model: type[Resource[Any]] = User[Tie] if one.type == USER else Group
    resource = model.model_validate(json.loads(one.text))
    resource.id = one.id
    resource.meta = Meta(
        resource_type=one.type,
        created=to_time(one.created_at),
        last_modified=to_time(one.changed_at),
        version=_version(one),
    )
    return resource


def _version(one: Provisioned) -> str:
    return f'W/"{one.version}"'


def _dump(type_: str, id_: str, resource: Resource[Any], version: int, created: int, changed: int) -> Provisioned:
    document = resource.model_dump()
    document.pop("meta", None)
    document.pop("id", None)
    name = str(document.get("userName" if type_ == USER else "displayName") or "")
    external = str(document.get("externalId") or "")
    person = to_scalars(external or name) if type_ == USER else ""
    text = to_scalars(json.dumps(document, ensure_ascii=False))
    return Provisioned(
        id_, type_, to_scalars(name).casefold(), to_scalars(external), person, text, version, created, changed
    )


def _list_members(resource: Resource[Any]) -> list[str]:
    members = (one.value for one in resource.members or ()) if isinstance(resource, Group) else ()
    return list(dict.fromkeys(to_scalars(value) for value in members if value))


def _check_version(old: Provisioned, expected: str | None) -> None:
    if expected is not None and expected != _version(old):
        raise PreconditionFailedException


def _check_unique(tx: Tx, new: Provisioned) -> None:
    """Refuse a second user of a name, and a second person of an id."""
    if new.type != USER:
        return
    others = store.list_named(tx, USER, new.name)
    others += store.list_external(tx, USER, new.external) if new.external else []
    if any(other.id != new.id for other in others):
        raise UniquenessException(detail="there is a user of that userName or externalId")


def _list_candidates(tx: Tx, type_: str, wanted: Any) -> list[Provisioned]:  # Any: a filter, generic over its model
    """Return what may match: by an index for `userName eq` and `externalId eq`, which systems ask before each change."""
    node = None if wanted is None else wanted.ast
    if isinstance(node, Comparison) and node.op == CompareOperator.eq and isinstance(node.value, str):
        attribute = str(node.attr_path).rpartition(":")[2].lower()
        if attribute == ("username" if type_ == USER else "displayname"):
            return store.list_named(tx, type_, node.value.casefold())
        if attribute == "externalid":
            return store.list_external(tx, type_, node.value)
    return store.list_all(tx, type_)

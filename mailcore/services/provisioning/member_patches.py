"""PATCH of SCIM at a cost that its size bounds (RFC 7644 section 3.5.2).

scim2-models copies and compares the whole group for each operation: a hundred removals from a group of 9,000 took half a
minute.  Identity systems name members one by one, so such operations are carried out together here; of others there may be
fewer the larger the group is.
"""

import re
from collections.abc import Sequence
from typing import Any

from scim2_models import PatchOp, PayloadTooLargeException, Resource
from scim2_models.resources.group import GroupMember
from scim2_server.conditions import Conditions
from scim2_server.service import ScimService

from mailcore.services.provisioning.models import Group

MAX_WORK = 100_000  # operations times members: three seconds
_ONE_MEMBER = re.compile(r'members\[value eq "([\w-]{1,200})"\]', re.ASCII | re.IGNORECASE)
_Change = tuple[str, Sequence[str]]  # "add" or "remove", and members


class BoundedService(ScimService):
    """SCIM whose PATCH takes time by the sizes of request and group, not by their product."""

    def apply_patch(
        self, current: Resource[Any], patch_op: "PatchOp[Any]", conditions: Conditions
    ) -> Resource[Any] | None:
        if not isinstance(current, Group):
            return super().apply_patch(current, patch_op, conditions)
        operations = patch_op.operations or []
        changes = [change for one in operations if (change := _read_change(one))]
        if len(changes) == len(operations):
            self.check_preconditions(current, "PATCH", conditions)
            return current if _change_members(current, changes) else None
        size = len(current.members or ()) + sum(len(one.value) for one in operations if isinstance(one.value, list))
        if len(operations) > 1 and len(operations) * size > MAX_WORK:
            raise PayloadTooLargeException(detail="too many operations at once for a group of this size; send fewer")
        return super().apply_patch(current, patch_op, conditions)


def _read_change(operation: Any) -> _Change | None:  # Any: an operation, generic over its model
    """Read an operation that adds or removes members named by their value alone; None if it is another one."""
    path, value = str(operation.path or ""), operation.value
    if operation.op == "remove" and value is None and (found := _ONE_MEMBER.fullmatch(path)):
        return "remove", (found[1],)
    if operation.op == "add" and path.lower() == "members" and isinstance(value, list):
        named = [one["value"] for one in value if isinstance(one, dict) and list(one) == ["value"]]
        if len(named) == len(value) and all(isinstance(one, str) and one for one in named):
            return "add", named
    return None


def _change_members(group: Any, changes: Sequence[_Change]) -> bool:  # Any: its members' type is a type variable's
    """Carry changes out, in their order; say if the group is another one then."""
    entries: dict[str | None, list[Any]] = {}
    for entry in group.members or ():
        entries.setdefault(entry.value, []).append(entry)
    changed = False
    for verb, values in changes:
        for value in values:
            if (verb == "add") == (value in entries):
                continue
            changed = True
            if verb == "add":
                entries[value] = [GroupMember.model_validate({"value": value})]
            else:
                del entries[value]
    if changed:
        group.members = [entry for same in entries.values() for entry in same] or None
    return changed

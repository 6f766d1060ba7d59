"""Users and groups as SCIM describes them (RFC 7643), cut down to what an affiliation is made of.

Whatever else an identity system sends of a person is read over and not saved: telephone numbers and pictures have no purpose
here.  This module is imported when SCIM is used, as pydantic is large.
"""

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field
from scim2_models import (
    URN,
    AnyExtension,
    Bulk,
    CaseExact,
    ChangePassword,
    ETag,
    Extension,
    Filter,
    Group,
    Patch,
    Required,
    Resource,
    ResourceType,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

MAX_RESULTS = 1000  # of one question


def _check_day(text: str | None) -> str | None:
    """Raises ValueError for what is no day."""
    if text is not None:
        date.fromisoformat(text)
    return text


class Tie(Extension):
    """The tie to the university: its last day where that is known, and quarantine."""

    __schema__ = URN("urn:alumnimail:params:scim:schemas:extension:affiliation:1.0:User")

    until: Annotated[str | None, AfterValidator(_check_day)] = Field(None, examples=["2027-06-30"])
    """The last day of the affiliation, as `2027-06-30`."""

    blocked: bool | None = None
    """The person is in quarantine: the university's password opens nothing."""


class User(Resource[AnyExtension]):
    """A person of the university."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")
    model_config = ConfigDict(extra="ignore")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    """The user name at the university."""

    display_name: str | None = None
    """The name of the person, as it is shown."""

    user_type: str | None = None
    """The kind of affiliation, such as `student` or `employee`; groups say more."""

    active: bool | None = None
    """False: the person has left."""


def describe_service() -> ScimProvider:
    """Describe what is served: users with their tie, groups, PATCH, filters and ETags."""
    config = ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MAX_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=True),
        authentication_schemes=[],
    )
    bound: list[type[Resource[Any]]] = [User[Tie], Group]
    return ScimProvider([User, Tie, Group], [ResourceType.from_resource(model) for model in bound], config)


__all__ = ["CaseExact", "Group", "Tie", "User", "describe_service"]

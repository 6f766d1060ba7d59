"""A read-only API in JSON: `/api/v1/counts`, and `/api/v1/people/PERSON` for one person of the university."""

from flask import Response, jsonify

from mailcore.services.provisioning import lookups
from mailcore.services.provisioning.api_tokens import TokenScope
from portal import current
from portal.access import public, same_for_all
from portal.scim.views import blueprint, find_token, refuse


@blueprint.get("/api/v1/counts")
@same_for_all
@public
def counts() -> Response:
    if isinstance(token := find_token(TokenScope.COUNTS), Response):
        return token
    found = lookups.count_people(current.core())
    return jsonify(accounts=found.accounts, affiliations=found.affiliations, present=found.present)


@blueprint.get("/api/v1/people/<person>")
@same_for_all
@public
def person(person: str) -> Response:
    """Say whether a person has an address here, and which."""
    if isinstance(token := find_token(TokenScope.COUNTS), Response):
        return token
    found = lookups.find_holder(current.core(), person, token=token.id)
    if found is None:
        return refuse(404, "there is no account of that person")
    return jsonify(addresses=found.addresses, state=found.state, since=found.since)

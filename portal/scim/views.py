"""The address `/scim/v2/`: a program with a token changes affiliations; nobody else gets an answer but 401."""

import json

from flask import Blueprint, Response, current_app, request

from mailcore.errors import Busy, TooMany, WrongPassword
from mailcore.services.provisioning import api_tokens
from mailcore.services.provisioning.api_tokens import ApiToken, TokenScope
from portal import current
from portal.access import public, same_for_all

blueprint = Blueprint("scim", __name__)
TYPE = "application/scim+json"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@blueprint.route("/scim/v2/", methods=METHODS, defaults={"path": ""})
@blueprint.route("/scim/v2/<path:path>", methods=METHODS)
@same_for_all
@public
def scim(path: str) -> Response:
    """Answer one request; the token is asked for before anything is read."""
    token = find_token(TokenScope.SCIM)
    return token if isinstance(token, Response) else _handle(path)


def find_token(scope: TokenScope) -> ApiToken | Response:
    """Find the token for `scope` that the request bears; else the answer that refuses it."""
    given = request.authorization
    token = given.token if given is not None and given.type == "bearer" else None
    try:
        return api_tokens.verify_token(current.core(), token or "", scope)
    except WrongPassword:
        return refuse(401, "a token is needed: alumnimail token create")
    except TooMany:
        refused = refuse(429, f"at most {api_tokens.MOST_PER_MINUTE} requests a minute")
        refused.headers["Retry-After"] = str(api_tokens.MINUTE)
        return refused


def _handle(path: str) -> Response:
    # pydantic and scim2 are imported by the first program that comes with a token
    from scim2_models import SCIMException
    from scim2_server.requests import ScimRequest

    from mailcore.services.provisioning import people

    handler = current_app.extensions.get("scim")
    if handler is None:
        handler = current_app.extensions["scim"] = people.create_handler(current.core())
    asked = ScimRequest(
        method=request.method,
        base_url=f"{current.core().config.url}/scim/v2",
        path=f"/{path}",
        query=request.args.to_dict(),
        headers=list(request.headers.items()),
        body=request.get_data(cache=False),
    )
    try:
        answer = handler.handle(asked)
    except SCIMException as problem:
        answer = handler.service.error_response(problem)
    body = b"" if answer.body is None else json.dumps(answer.body, ensure_ascii=False).encode()
    return Response(body, int(answer.status), answer.headers)


@blueprint.errorhandler(Busy)
def _tell_of_busyness(_problem: Busy) -> Response:
    """Say so as SCIM says it, also where a request took more processor time than one may."""
    return refuse(503, "the service is busy: try again")


def refuse(code: int, words: str) -> Response:
    """Answer with an error as SCIM writes it (RFC 7644 section 3.12)."""
    body = json.dumps({"schemas": [ERROR], "status": str(code), "detail": words})
    refused = Response(body, code, content_type=TYPE)
    if code == 401:
        refused.headers["WWW-Authenticate"] = 'Bearer realm="Alumnimail"'
    return refused

"""SCIM 2.0 (N38): the identity system changes affiliations, and never ends an account."""

# ruff: noqa: E501 - what systems send stands as they send it

import json
import re

import pytest
from flask.testing import FlaskClient
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response

from mailcore import core as cores
from mailcore.config import Config, Limits
from mailcore.core import Core
from mailcore.domain import Account, Affiliation
from mailcore.services.accounts import accounts, affiliations
from mailcore.services.provisioning import api_tokens
from mailcore.services.provisioning.api_tokens import TokenScope
from portal import create_app
from portal.scim import views as scim_views
from tests.round_trips import counted

TIE = "urn:alumnimail:params:scim:schemas:extension:affiliation:1.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


class System:
    """The identity system of a university."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        self.client, self.token = client, token

    def ask(self, method: str, path: str, told: object = None, **fields: str) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/scim+json"}
        headers |= {name.replace("_", "-"): value for name, value in fields.items()}
        body = b"" if told is None else json.dumps(told).encode()
        return self.client.open(f"/scim/v2{path}", method=method, data=body, headers=headers)

    def add_user(self, more: dict[str, object] | None = None) -> str:
        told = {"schemas": [USER], "userName": "olanor", "externalId": "p-1", "active": True, **(more or {})}
        answer = self.ask("POST", "/Users", told)
        assert answer.status_code == 201, answer.text
        return answer.json["id"]

    def patch(self, path: str, *operations: dict[str, object]) -> TestResponse:
        schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
        return self.ask("PATCH", path, {"schemas": [schema], "Operations": list(operations)})


@pytest.fixture
def client(core: Core) -> FlaskClient:
    return create_app(core).test_client()


@pytest.fixture
def system(core: Core, client: FlaskClient) -> System:
    return System(client, api_tokens.create_token(core, "IAM", TokenScope.SCIM, actor="test"))


@pytest.fixture
def ola(core: Core) -> Account:
    return accounts.add_account(core, "ola", display_name="Ola Nordmann", person="p-1")


def read(core: Core, account: Account) -> Affiliation:
    found = affiliations.get_affiliation(core, account)
    assert found is not None
    return found


def test_n38_the_public_tester_is_content(core: Core, system: System) -> None:
    """scim2-tester tries every attribute of every schema that we tell."""
    client = WSGISCIMClient(
        create_app(core), base_url="http://localhost/scim/v2", headers={"Authorization": f"Bearer {system.token}"}
    )
    results = check_server(client)
    wrong = [f"{one.title}: {one.reason}" for one in results if one.status in (Status.ERROR, Status.CRITICAL)]
    assert not wrong, "\n".join(wrong)
    assert sum(one.status is Status.SUCCESS for one in results) > 50


def test_n38_nobody_without_a_token_hears_anything(client: FlaskClient, core: Core, system: System) -> None:
    for path in ("/scim/v2/", "/scim/v2/ServiceProviderConfig", "/scim/v2/Users", "/scim/v2/x/y"):
        refused = client.get(path)
        assert (refused.status_code, refused.headers["WWW-Authenticate"][:6]) == (401, "Bearer")
        assert client.get(path, headers={"Authorization": "Bearer almt_wrong"}).status_code == 401
        assert client.get(path, headers={"Authorization": "Basic b2xhOng="}).status_code == 401
    other = api_tokens.create_token(core, "statistics", TokenScope.COUNTS, actor="test")
    assert System(client, other).ask("GET", "/Users").status_code == 401
    assert system.ask("GET", "/ServiceProviderConfig").status_code == 200
    [first, _second] = api_tokens.list_tokens(core)
    api_tokens.delete_token(core, first.id, actor="test")
    assert system.ask("GET", "/ServiceProviderConfig").status_code == 401


def test_n38_a_user_is_an_affiliation(core: Core, system: System, ola: Account) -> None:
    more: dict[str, object] = {"userType": "Student", TIE: {"until": "2027-06-30"}, "phoneNumbers": [{"value": "22"}]}
    system.add_user(more)
    found = read(core, ola)
    assert (found.login, found.kinds, found.present) == ("olanor", ("student",), True)
    assert str(found.until) == "2027-06-30"
    refused = system.ask("POST", "/Users", {"schemas": [USER, TIE], "userName": "x", TIE: {"until": "tomorrow"}})
    assert (refused.status_code, refused.json["scimType"]) == (400, "invalidValue")
    assert "phoneNumbers" not in system.ask("GET", "/Users").text  # it has no purpose here


def test_n38_groups_are_kinds(core: Core, system: System, ola: Account) -> None:
    user = system.add_user()
    group = system.ask(
        "POST", "/Groups", {"schemas": [GROUP], "displayName": "Former Staff", "members": [{"value": user}]}
    ).json["id"]
    assert read(core, ola).kinds == ("former-staff",)
    assert system.patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{user}"]'}).status_code in (
        200,
        204,
    )
    assert read(core, ola).kinds == ()
    system.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": user}, {"value": "nobody"}]})
    assert read(core, ola).kinds == ("former-staff",)
    assert system.ask("DELETE", f"/Groups/{group}").status_code == 204
    assert read(core, ola).kinds == ()


@pytest.mark.parametrize("way", ["inactive", "deleted", "another person"])
def test_n38_s09_who_leaves_keeps_the_account(core: Core, system: System, ola: Account, way: str) -> None:
    user = system.add_user()
    match way:
        case "inactive":
            system.patch(f"/Users/{user}", {"op": "replace", "path": "active", "value": False})
        case "deleted":
            system.ask("DELETE", f"/Users/{user}")
        case _:
            told = {"schemas": [USER], "userName": "olanor", "externalId": "p-2", "active": True}
            assert system.ask("PUT", f"/Users/{user}", told).status_code == 200
    assert not read(core, ola).present
    assert accounts.load_account(core, ola.id).state == "active"


def test_n38_whoever_comes_back_confirms_it(core: Core, system: System, ola: Account) -> None:
    user = system.add_user()
    system.patch(f"/Users/{user}", {"op": "replace", "value": {"active": False}})
    system.patch(f"/Users/{user}", {"op": "replace", "value": {"active": True}})
    assert read(core, ola).present


def test_n38_a_change_is_made_on_what_was_read(system: System) -> None:
    user = system.add_user()
    tag = system.ask("GET", f"/Users/{user}").headers["ETag"]
    told = {"schemas": [USER], "userName": "olanor", "externalId": "p-1", "displayName": "Ola"}
    assert system.ask("PUT", f"/Users/{user}", told, If_Match=tag).status_code == 200
    assert system.ask("PUT", f"/Users/{user}", told, If_Match=tag).status_code == 412
    assert system.ask("DELETE", f"/Users/{user}", If_Match=tag).status_code == 412


def test_n38_names_are_taken_once(system: System) -> None:
    system.add_user()
    for more in ({"userName": "OLANOR", "externalId": "p-3"}, {"userName": "other", "externalId": "p-1"}):
        assert system.ask("POST", "/Users", {"schemas": [USER], **more}).status_code == 409
    assert system.ask("GET", '/Users?filter=userName eq "OlaNor"').json["totalResults"] == 1
    assert system.ask("GET", '/Users?filter=externalId eq "p-1"').json["totalResults"] == 1
    assert (
        system.ask("GET", '/Users?filter=userName sw "ola" and active eq true&startIndex=1&count=10').json[
            "totalResults"
        ]
        == 1
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff", b"[" * 50_000, b'{"schemas":[]}', b'{"userName":"\\ud800","schemas":["%s"]}' % USER.encode(),
     b'{"userName":"a\\u0000b","schemas":["%s"]}' % USER.encode(), b'{"userName":1e999,"schemas":["%s"]}' % USER.encode()],
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/Users"),
        ("PUT", "/Users/x"),
        ("PATCH", "/Users/x"),
        ("POST", "/Groups"),
        ("POST", "/Bulk"),
        ("POST", "/.search"),
    ],
)
def test_n38_no_body_breaks_it(client: FlaskClient, system: System, body: bytes, method: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {system.token}", "Content-Type": "application/scim+json"}
    answer = client.open(f"/scim/v2{path}", method=method, data=body, headers=headers)
    assert answer.status_code in (200, 201, 400, 404, 413, 415, 501), answer.text
    assert json.loads(answer.text)


@pytest.mark.parametrize(
    "query",
    [
        "filter=x",
        "filter=userName eq",
        "count=-1",
        "count=99999999999999999999",
        "startIndex=x",
        "filter=" + "(" * 800,
        "attributes=" + "x," * 900,
        'filter=userName eq "\ud83d"',
    ],
)
def test_n38_no_question_breaks_it(system: System, query: str) -> None:
    system.add_user()
    assert system.ask("GET", f"/Users?{query}".encode("utf-8", "replace").decode()).status_code in (200, 400, 414)


def test_n38_the_directory_does_not_contradict(core: Core, system: System, ola: Account) -> None:
    """The hourly reading of the directory changes no affiliation of a person whom the identity system provisions."""
    system.add_user({"userType": "student"})
    assert affiliations.refresh_affiliation(core, ola) in (None, read(core, ola))
    assert read(core, ola).present


def test_n38_tokens_are_made_on_the_command_line(core: Core) -> None:
    token = api_tokens.create_token(core, "IAM  of\nthe university", TokenScope.SCIM, actor="test")
    assert re.fullmatch(r"almt_[\w-]{43}", token)
    [listed] = api_tokens.list_tokens(core)
    assert (listed.label, listed.scope, listed.last_used_at) == ("IAM of the university", "scim", None)
    assert token not in str(core.db.read(lambda tx: tx.rows("SELECT * FROM api_token")))


def test_n38_programs_read_counts_and_single_answers(
    core: Core, client: FlaskClient, system: System, ola: Account
) -> None:
    accounts.add_account(core, "kari")
    system.add_user({"userType": "student"})
    headers = {"Authorization": f"Bearer {api_tokens.create_token(core, 'CRM', TokenScope.COUNTS, actor='test')}"}
    counts = client.get("/api/v1/counts", headers=headers).json
    assert (counts["accounts"], counts["affiliations"], counts["present"]) == ({"active": 2}, {"student": 1}, 1)
    found = client.get("/api/v1/people/p-1", headers=headers).json
    assert (found["addresses"], found["state"]) == (["ola@alumni.example"], "active")
    assert client.get("/api/v1/people/p-9", headers=headers).status_code == 404
    for path in ("/api/v1/counts", "/api/v1/people/p-1"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"Authorization": f"Bearer {system.token}"}).status_code == 401
    assert ola.name == "ola"


def test_n38_a_client_that_floods_hears_429_before_anything_is_read_and_others_do_not(
    core: Core, client: FlaskClient, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_tokens, "MOST_PER_MINUTE", 30)
    other = System(client, api_tokens.create_token(core, "other", TokenScope.SCIM, actor="test"))
    answers = [system.ask("GET", "/Users?count=1") for _ in range(33)]
    assert [answer.status_code for answer in answers] == [200] * 30 + [429] * 3
    with counted() as waited:
        refused = system.ask("POST", "/Users", {"schemas": [USER], "userName": "olanor"})
    assert [text for text in waited if "api_token" not in text] == []
    assert len(waited) == 1
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert refused.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert other.ask("GET", "/Users").json["totalResults"] == 0


def test_a_request_that_takes_too_long_is_told_so_as_scim_says_it(tmp_path, monkeypatch):
    core = cores.build(Config(data=str(tmp_path), limits=Limits(work_seconds=1)))
    try:
        system = System(
            create_app(core).test_client(), api_tokens.create_token(core, "IAM", TokenScope.SCIM, actor="test")
        )

        def work_for_ever(_path: str) -> Response:
            while True:
                pass

        monkeypatch.setattr(scim_views, "_handle", work_for_ever)
        answer = system.ask("GET", "/Users")
        assert (answer.status_code, answer.mimetype) == (503, "application/scim+json")
        assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    finally:
        cores.close(core)

"""N29: the owner's addresses, and the desk's list of those that people ask for."""

import pytest

from mailcore.core import Core
from mailcore.domain import Account, Affiliation
from mailcore.services.accounts import accounts, addresses, name_changes
from mailcore.store.people import affiliations
from tests.portal.conftest import PASSWORD, Browser

PAGE = "/account/addresses"


def specs(core: Core, name: str = "ola") -> list[str]:
    return accounts.list_addresses(core, accounts.find_account(core, name).id)


def test_the_owner_adds_an_address_writes_under_it_and_the_first_one_stays(inside: Browser, core: Core):
    page = inside.get(PAGE).text
    assert "ola.nordmann" in page
    answer = inside.send(PAGE, action="choose", address="ola.nordmann@alumni.example")
    assert answer.status_code == 303
    assert "ola.nordmann@alumni.example" in inside.get(PAGE).text
    inside.send(PAGE, action="main", address="ola.nordmann@alumni.example")
    assert specs(core) == ["ola@alumni.example", "ola.nordmann@alumni.example"]
    assert "<dd>ola.nordmann@alumni.example" in inside.get("/account").text
    assert "ola.nordmann@alumni.example" in inside.get("/mail/compose").text


@pytest.mark.parametrize("wish", ["", "postmaster", "nobody@b.example", "<script>", "x" * 400, "ola@alumni.example"])
def test_what_cannot_be_had_is_said_in_one_sentence_and_changes_nothing(inside: Browser, core: Core, wish: str):
    answer = inside.send(PAGE, action="choose", address=wish)
    assert answer.status_code in (400, 403)
    assert 'role="alert"' in answer.text
    assert specs(core) == ["ola@alumni.example"]


def test_removing_asks_for_the_password_and_can_be_undone(inside: Browser, core: Core):
    inside.send(PAGE, action="choose", address="ola.nordmann@alumni.example")
    asked = inside.send(PAGE, to=f"{PAGE}/remove", address="ola.nordmann@alumni.example")
    assert asked.status_code == 200
    wrong = inside.send(PAGE, to=f"{PAGE}/remove", address="ola.nordmann@alumni.example", current="wrong")
    assert wrong.status_code == 403
    assert len(specs(core)) == 2
    inside.send(PAGE, to=f"{PAGE}/remove", address="ola.nordmann@alumni.example", current=PASSWORD)
    assert specs(core) == ["ola@alumni.example"]
    inside.send(PAGE, action="restore", address="ola.nordmann@alumni.example")
    assert len(specs(core)) == 2
    main = inside.send(PAGE, to=f"{PAGE}/remove", address="ola@alumni.example", current=PASSWORD)
    assert main.status_code == 403


def test_a_request_keeps_what_was_typed_where_it_is_refused_and_reaches_the_desk(inside: Browser, core: Core):
    refused = inside.send(PAGE, action="ask", wanted="ikke en adresse", reason="De kjenner meg slik")
    assert refused.status_code == 400
    assert "De kjenner meg slik" in refused.text
    assert inside.send(PAGE, action="ask", wanted="kalle", reason="De kjenner meg slik").status_code == 303
    assert "kalle@alumni.example" in inside.get(PAGE).text
    inside.send("/account", to="/logout")
    accounts.add_account(core, "agnes", display_name="Agnes", password=PASSWORD, language="en")
    accounts.set_role(core, "agnes", "desk")
    inside.log_in("agnes")
    page = inside.get("/desk/addresses").text
    assert "kalle@alumni.example" in page
    assert "De kjenner meg slik" in page
    [(request, _owner)] = addresses.list_requests(core)
    assert inside.send("/desk/addresses", action="approve", into=str(request.id)).status_code == 303
    assert specs(core) == ["ola@alumni.example", "kalle@alumni.example"]
    again = inside.send("/desk/orders", to="/desk/addresses", action="approve", into=str(request.id))
    assert again.status_code in (303, 400)


def test_the_desks_list_is_the_desks_alone(inside: Browser):
    assert inside.get("/desk/addresses").status_code == 403


def test_a_new_name_is_offered_on_the_page_and_taken_there(browser: Browser, core: Core):
    accounts.add_account(core, "kari", display_name="Kari Nordmann", person="p1", password=PASSWORD, language="en")
    for name in ("Kari Nordmann", "Kari Hansen"):

        def read(tx, name=name):
            affiliations.save_affiliations(tx, [Affiliation("p1", "kari", ("staff",), None, True)], 1)
            name_changes.note_names(core, tx, {"p1": name})

        core.db.write(read)
    browser.log_in("kari")
    assert "Your new name: Kari Hansen" in browser.get(PAGE).text
    browser.send(PAGE, action="name", address="kari.hansen@alumni.example")
    assert "Your new name:" not in browser.get(PAGE).text
    kari: Account = accounts.find_account(core, "kari")
    assert (kari.display_name, kari.main_address) == ("Kari Hansen", "kari.hansen@alumni.example")

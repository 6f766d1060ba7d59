"""N29: several mail domains, each equal to the first in every respect, and log-in by any address of an account."""

import asyncio
import dataclasses

import dkim as reference
import pytest

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.core import Core
from mailcore.domain import Account, Envelope, Scope
from mailcore.errors import ForwardingRefused, InvalidName, NotAllowed, RelayDenied, WrongPassword
from mailcore.services import client_settings
from mailcore.services.accounts import accounts
from mailcore.services.credentials import contact_addresses, login
from mailcore.services.delivery import recipients, submission
from mailcore.services.forwarding import forwarding
from mailcore.services.limits import throttle
from mailcore.services.mailauth import dkim, dkim_keys
from mailcore.services.operations import dns_records
from mailcore.services.webmail import address_book, drafts
from mailcore.services.webmail.compose import Draft
from mailcore.store.people.addresses import insert_address
from mailcore.store.queue.items import list_items, read_octets
from tests.smtp_talk import PASSWORD, build, inbox, talk

DOMAINS = 'domains = ["old.example", "merged.example"]'
BODY = "From: a@b.example\r\nSubject: hei\r\n\r\nhei\r\n.\r\n"


@pytest.fixture
def core(tmp_path):
    """Ola has an address at the domain of before, where ola is somebody else: kari."""
    built = build(tmp_path, DOMAINS)
    dkim_keys.ensure_keys(built.config)
    give(built, "ola", "ola.nordmann", "old.example")
    give(built, "ola", "ola.hansen", "alumni.example")
    give(built, "kari", "ola", "merged.example")
    yield built
    cores.close(built)


def give(core: Core, name: str, localpart: str, domain: str) -> None:
    owner = accounts.find_account(core, name).id
    core.db.write(lambda tx: insert_address(tx, owner, localpart, domain, core.clock.seconds()))


def ola(core: Core) -> Account:
    return accounts.find_account(core, "ola")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("ola@alumni.example", "ola"),
        ("Ola.Hansen+list@Alumni.Example", "ola"),
        ("ola.nordmann@old.example", "ola"),
        ("OLA.Nordmann+x@OLD.example", "ola"),
        ("ola@merged.example", "kari"),
    ],
)
def test_mail_to_any_address_of_any_domain_is_in_the_one_box(core, address, name):
    async def play(connect):
        client = await connect()
        before = len(inbox(core, name))
        sent = f"MAIL FROM:<a@b.example>\r\nRCPT TO:<{address}>\r\nDATA\r\n"
        assert await client.codes(sent + BODY, 4) == "250 250 354 250"
        assert len(inbox(core, name)) == before + 1

    talk(core, play)


def test_roles_exist_at_every_domain_and_unknown_names_at_none(core):
    async def play(connect):
        client = await connect()
        sent = (
            "MAIL FROM:<a@b.example>\r\nRCPT TO:<postmaster@old.example>\r\nRCPT TO:<abuse@merged.example>\r\n"
            "RCPT TO:<help@old.example>\r\nRCPT TO:<ola@old.example>\r\nRCPT TO:<ola@other.example>\r\n"
        )
        assert await client.codes(sent, 6) == "250 250 250 250 550 550"

    talk(core, play)


def test_who_is_named_by_two_addresses_has_it_once_and_once_more_for_each_detail(core):
    async def play(connect):
        client = await connect()
        before = len(inbox(core, "ola"))
        sent = "".join(
            f"RCPT TO:<{one}>\r\n"
            for one in (
                "ola@alumni.example",
                "ola.nordmann@old.example",
                "ola.hansen+a@alumni.example",
                "ola+a@alumni.example",
            )
        )
        assert (
            await client.codes("MAIL FROM:<a@b.example>\r\n" + sent + "DATA\r\n" + BODY, 7)
            == "250 250 250 250 250 354 250"
        )
        assert len(inbox(core, "ola")) == before + 2

    talk(core, play)


@pytest.mark.parametrize(
    "name", ["ola", "Ola@alumni.example", "ola.hansen", "ola.hansen@alumni.example", "ola.nordmann@old.example"]
)
@pytest.mark.parametrize("scope", list(Scope))
def test_every_address_opens_the_account_with_its_password(core, name, scope):
    assert login.authenticate(core, name, PASSWORD, peer="", scope=scope).account.name == "ola"
    assert login.authenticate_remembered(core, name, PASSWORD, peer="", scope=scope) is not None


def test_an_address_of_somebody_else_with_the_same_local_part_does_not(core):
    assert login.authenticate(core, "ola@merged.example", PASSWORD, peer="", scope=Scope.IMAP).account.name == "kari"
    for name in ("ola@old.example", "ola.nordmann@merged.example", "ola@b.example", "@old.example"):
        with pytest.raises(WrongPassword):
            login.authenticate(core, name, PASSWORD, peer="", scope=Scope.IMAP)


def test_guesses_at_several_addresses_are_counted_as_one_account(core):
    ours = [
        throttle.check_name(core, login.to_local_name(core, name) or "", peer="192.0.2.1").account
        for name in ("ola", "ola.hansen", "ola.nordmann@old.example")
    ]
    assert set(ours) == {ola(core).id}


@pytest.mark.parametrize("domain", ["alumni.example", "old.example", "merged.example", "b.example"])
def test_mail_is_signed_by_the_domain_of_its_author(core, domain):
    message = f"From: Ola <x@{domain}>\r\nTo: y@z.example\r\nSubject: hei\r\n\r\nhei\r\n".encode()
    signed = dkim.sign(core.config, message) + message
    signer = domain if domain in core.config.mail_domains else "alumni.example"
    assert signed.count(f"d={signer};".encode()) == 2
    records = dkim_keys.dns_records(core.config, domain=signer)
    assert all(name.endswith(f"._domainkey.{signer}") for name in records)

    def look(name: bytes, timeout: int = 5) -> bytes:
        return records[name.decode().rstrip(".")].encode()

    assert [reference.DKIM(signed).verify(number, dnsfunc=look) for number in (0, 1)] == [True, True]


def test_each_domain_has_keys_and_generations_of_its_own(core):
    made = {domain: dkim_keys.dns_records(core.config, domain=domain) for domain in core.config.mail_domains}
    assert len({text for records in made.values() for text in records.values()}) == 6
    dkim_keys.rotate(core, "old.example", force=True, actor="cli")
    dkim_keys.rotate(core, "old.example", force=True, actor="cli")
    assert dkim_keys.current(core.config, "old.example")[0] == 2
    assert dkim_keys.current(core.config)[0] == dkim_keys.current(core.config, "merged.example")[0] == 1


def test_dns_records_are_there_for_every_domain_and_once_for_the_host(core):
    records = dns_records.list_needed_records(core.config)
    assert len(records) == len({(record.name, record.kind, record.value) for record in records})
    kinds = {
        domain: {
            (record.name.replace(domain, "DOMAIN"), record.kind)
            for record in records
            if record.name == domain or record.name.endswith("." + domain)
            if record.name not in (core.config.host, core.config.srs_domain)
        }
        for domain in core.config.mail_domains
    }
    assert kinds["alumni.example"] == kinds["old.example"] == kinds["merged.example"]
    assert {("DOMAIN", "MX"), ("_mta-sts.DOMAIN", "TXT")} <= kinds["old.example"]


def test_mail_programs_are_told_every_domain_and_the_whole_address_as_user_name(core):
    text = client_settings.format_autoconfig(dataclasses.replace(core.config, public_url="https://alumni.example"))
    assert [f"<domain>{domain}</domain>" in text for domain in core.config.mail_domains] == [True] * 3
    assert "<addressBook" in text
    assert "%EMAILADDRESS%" in text
    assert "%EMAILLOCALPART%" not in text  # for contacts, too
    one = dataclasses.replace(core.config, domains=())
    assert "%EMAILLOCALPART%" in client_settings.format_autoconfig(one)
    outlook = client_settings.format_autodiscover(core.config, "ola.nordmann@old.example")
    assert "<LoginName>ola.nordmann@old.example</LoginName>" in outlook
    assert "<LoginName>ola</LoginName>" in client_settings.format_autodiscover(core.config, "ola@alumni.example")


@pytest.mark.parametrize("author", ["ola.nordmann@old.example", "ola.hansen+x@alumni.example"])
def test_the_owner_sends_under_every_address_and_nobody_elses(core, author):
    def send(sender: str) -> None:
        body = f"From: {sender}\r\nTo: x@y.example\r\nSubject: hei\r\n\r\nhei\r\n".encode()
        asyncio.run(submission.submit(core, ola(core), Envelope(sender, ("x@y.example",), ""), body))

    send(author)
    with pytest.raises(NotAllowed):
        send("ola@merged.example")
    [item] = core.db.read(list_items)
    octets = core.db.read(lambda tx: read_octets(tx, core.blobs, item))
    assert f"d={author.rpartition('@')[2]};".encode() in octets


def test_our_people_at_other_domains_get_mail_from_here_at_once(core):
    body = b"From: ola@alumni.example\r\nTo: ola@merged.example\r\nSubject: hei\r\n\r\nhei\r\n"
    before = len(inbox(core, "kari"))
    to = ("ola@merged.example", "kari@alumni.example")
    asyncio.run(submission.submit(core, ola(core), Envelope("ola@alumni.example", to, ""), body))
    assert len(inbox(core, "kari")) == before + 1
    assert core.db.read(list_items) == []


def test_every_address_can_be_chosen_as_from_in_the_webmail(core):
    names = address_book.identities(core, ola(core).id, "Ola", "ola@alumni.example")
    assert [name.address for name in names] == [
        "ola@alumni.example",
        "ola.nordmann@old.example",
        "ola.hansen@alumni.example",
    ]
    form = Draft(to="x@y.example", subject="hei", body="hei", identity=names[1].id)
    writing = drafts.save_writing(core, ola(core).id, 0, form)
    drafts.schedule_sending(core, ola(core), writing, core.clock.now())
    [item] = core.db.read(list_items)
    assert item.sender == "ola.nordmann@old.example"
    assert b"From: Ola <ola.nordmann@old.example>" in core.db.read(lambda tx: read_octets(tx, core.blobs, item))


def test_mail_goes_out_to_none_of_our_own_domains(core):
    for domain in ("old.example", "mail.merged.example"):
        with pytest.raises(ForwardingRefused):
            forwarding.set_forwarding(core, ola(core).id, f"x@{domain}", copy=True)
    with pytest.raises(InvalidName):
        contact_addresses.check_address(core, "x@old.example")
    with pytest.raises(RelayDenied):
        core.db.read(lambda tx: recipients.check_recipient(core, tx, "x@other.example", None))


def test_forged_mail_of_any_of_our_domains_is_not_passed_on(core):
    assert core.config.is_ours("old.example")
    assert core.config.is_ours("x.merged.example")
    assert not core.config.is_ours("other.example")


def test_the_sites_own_domain_may_stand_in_the_list():
    config = parse_config('domain = "a.example"\ndomains = ["a.example", "b.example"]')
    assert config.mail_domains == ("a.example", "b.example")

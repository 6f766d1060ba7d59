"""Recipients of a script's mail, whatever the script writes into it: nobody twice, nobody hidden, nobody else."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.services.accounts import accounts
from mailcore.store.queue.items import read_octets
from tests.services.test_delivery import MESSAGE, deliver, personal, queued


@pytest.fixture
def ola(core: Core) -> Account:
    return accounts.add_account(core, "ola", display_name="Ola", password="correct horse battery")


def sent(core: Core) -> list[tuple[str, EmailMessage]]:
    items = sorted(queued(core, "vacation"), key=lambda item: item.id)
    return [
        (
            item.recipient,
            message_from_bytes(core.db.read(lambda tx, i=item: read_octets(tx, core.blobs, i)), policy=policy.default),
        )
        for item in items
    ]


@pytest.mark.parametrize("fields", [
    "Bcc: spy@outside.example", "bcc:spy@outside.example", "BCC: a@b.example,\n spy@outside.example",
    "Resent-Bcc: spy@outside.example",
    "Cc: spy@outside.example", "To: spy@outside.example", "Return-Path: <spy@outside.example>", "X-Bcc: spy@outside.example",
])  # fmt: skip
def test_a_vacations_mime_reaches_the_sender_alone(core, ola, fields):
    entity = f"{fields}\nContent-Type: text/plain; charset=utf-8\n\nAway\n".replace("\n", "\r\n")
    personal(core, ola, f'require "vacation"; vacation :mime "{entity}";')
    deliver(core, "ola")
    [(recipient, answer)] = sent(core)
    assert recipient == "kari@outside.example"
    assert "spy" not in str(answer)
    assert answer.get_content().strip() == "Away"


@pytest.mark.parametrize(("uris", "reached"), [
    (["mailto:a@b.example?bcc=spy@outside.example"], ["a@b.example"]),
    (["mailto:a@b.example?BCC=spy@outside.example&bcc=spy@outside.example"], ["a@b.example"]),
    (["mailto:a@b.example?%62cc=spy@outside.example"], ["a@b.example"]), (["mailto:?bcc=spy@outside.example"], []),
    (["mailto:a@b.example", "mailto:a@b.example"], ["a@b.example"]),
    (["mailto:a@b.example?to=A@B.example&cc=a@b.example"], ["a@b.example"]),
    (["mailto:a@b.example", "mailto:%22a%22@b.example?cc=c@d.example"], ["a@b.example", "c@d.example"]),
    (["mailto:a@b.example,c@d.example", "mailto:c@d.example,e@f.example?cc=A@b.example"],
     ["a@b.example", "c@d.example", "e@f.example"]),
])  # fmt: skip
def test_notify_tells_each_once_and_nobody_unseen(core, ola, uris, reached):
    personal(core, ola, 'require "enotify";' + "".join(f'notify "{uri}";' for uri in uris))
    deliver(core, "ola", octets=MESSAGE)
    assert [recipient for recipient, _ in sent(core)] == reached
    named = [
        address.addr_spec.lower()
        for _, message in dict(sent(core)).items()
        for name in ("To", "Cc")
        for address in (message[name].addresses if message[name] else ())
    ]
    assert "spy" not in "".join(str(message) for _, message in sent(core))
    assert set(named) == set(reached)

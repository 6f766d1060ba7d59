"""DMARC policies of authors, and domains of one organisation (RFC 9989), with a real DNS server on loopback."""

import pytest

from mailcore.clock import Clock
from mailcore.config import Config, Dns
from mailcore.net.dns import DnsTrouble, Resolver
from mailcore.services.mailauth import dmarc
from mailcore.services.mailauth.dmarc import Policy
from tests.outside import dns_server, txt

LONG = "a.b.c.d.e.f.g.h.long.example"
RECORDS = {
    # who knows nothing of the tree walk
    "old.example": "p=reject; sp=quarantine", "named.old.example": "p=none",
    "percent.example": "p=reject; pct=30", "odd-percent.example": "p=reject; pct=all",
    # non-existent names, tests, mistakes
    "np.example": "p=none; sp=quarantine; np=reject", "np-only.example": "p=quarantine; np=none",
    "test.example": "p=reject; t=y; pct=100", "bare.example": "rua=mailto:d@bare.example", "empty.example": "adkim=s",
    "typo.example": "p=reject; sp=rejct", "heard.example": "p=rejct; rua=mailto:d@heard.example",
    "shouts.example": "P = REJECT ; aspf=S", "later.example": "fo=1; p=reject; unknown=1",
    # sub-domains alone publish
    "part.alone.example": "p=reject",
    # psd=
    "bank": "p=reject; sp=quarantine; np=reject; psd=y", "has.bank": "p=none", "sub.has.bank": "p=quarantine",
    "dept.wide.example": "p=quarantine; psd=n", "wide.example": "p=reject",
    "mixed.example": "p=reject; sp=none; psd=y",
    # registries that publish without saying so (`psd=u` is the same as nothing)
    "co.uk": "p=reject", "no": "p=reject; psd=u",
    # eight look-ups
    LONG: "p=none", "h.long.example": "p=quarantine; psd=n", "f.g.h.long.example": "p=reject", "long.example": "p=reject",
    "x.of.many.labels.here.there.deep.example": "p=reject; psd=n", "deep.example": "p=none; sp=quarantine",
}  # fmt: skip
ZONE = {(f"_dmarc.{name}", "TXT"): [txt(f"v=DMARC1; {tags}")] for name, tags in RECORDS.items()} | {
    ("_dmarc.two.example", "TXT"): [txt("v=DMARC1; p=reject"), txt("v=DMARC1; p=none")],
    ("_dmarc.other.example", "TXT"): [txt("v=DMARC2; p=reject"), txt("v=dmarc1; p=reject"), txt("p=reject; v=DMARC1")],
    ("_dmarc.beside.example", "TXT"): [txt("google-site-verification=1"), txt("v=DMARC1;p=reject")],
    ("here.np.example", "MX"): ["0 ."],
    ("there.np.example", "AAAA"): ["2001:db8::1"],
    ("here.shop.bank", "A"): ["192.0.2.1"],
}
BROKEN = ("_dmarc.down.example", "_dmarc.down", "lost.np.example")


@pytest.fixture(scope="module")
def ask():
    with dns_server(ZONE, broken=BROKEN) as server:
        yield Resolver(Config(dns=Dns((server,))), Clock()).lookup


@pytest.mark.parametrize(("author", "p"), [
    ("old.example", "reject"), ("x.old.example", "quarantine"), ("named.old.example", "none"),
    ("x.named.old.example", "quarantine"),
    ("here.np.example", "quarantine"), ("there.np.example", "quarantine"), ("gone.np.example", "reject"), ("np.example", "none"),
    ("gone.np-only.example", "none"), ("np-only.example", "quarantine"),
    ("bare.example", "none"), ("empty.example", ""), ("typo.example", ""), ("heard.example", "none"),
    ("shouts.example", "reject"), ("later.example", "reject"),
    ("part.alone.example", "reject"), ("x.part.alone.example", "reject"), ("alone.example", ""), ("y.alone.example", ""),
    ("has.bank", "none"), ("x.has.bank", "none"), ("sub.has.bank", "quarantine"), ("x.sub.has.bank", "none"),
    ("shop.bank", "reject"), ("here.shop.bank", "quarantine"), ("gone.shop.bank", "reject"), ("bank", "reject"),
    ("x.dept.wide.example", "quarantine"), ("x.wide.example", "reject"), ("a.b.mixed.example", "none"),
    ("firm.co.uk", ""), ("co.uk", "reject"), ("firm.no", ""), ("no", "reject"),
    ("two.example", ""), ("other.example", ""), ("beside.example", "reject"),
    (LONG, "none"), ("z." + LONG, "quarantine"), ("i.f.g.h.long.example", "quarantine"),
    ("a.x.of.many.labels.here.there.deep.example", "quarantine"), ("x.of.many.labels.here.there.deep.example", "reject"),
    ("", ""), ("nobody.example", ""),
])  # fmt: skip
def test_the_policy_that_holds(ask, author, p):
    assert dmarc.policy(author, ask).p == p


def test_how_much_of_it_is_to_be_felt(ask):
    assert dmarc.policy("test.example", ask) == Policy("reject", percent=0)
    assert dmarc.policy("percent.example", ask) == Policy("reject", percent=30)
    assert dmarc.policy("odd-percent.example", ask) == Policy("reject")
    assert dmarc.policy("shouts.example", ask) == Policy("reject", aspf="s")


@pytest.mark.parametrize("author", ["down.example", "x.down.example", "lost.np.example"])
def test_dns_that_does_not_answer_is_no_permission(ask, author):
    assert dmarc.policy(author, ask) == Policy(aspf="s", adkim="s", trouble=True)


def test_a_registry_that_does_not_answer_takes_no_policy_away(ask):
    assert dmarc.policy("firm.down", ask) == Policy()


@pytest.mark.parametrize(("one", "other", "related"), [
    ("old.example", "x.old.example", True), ("x.old.example", "y.z.old.example", True), ("old.example", "older.example", False),
    ("part.alone.example", "alone.example", True),  # the parent publishes nothing, and is nobody else for that
    ("has.bank", "x.has.bank", True), ("has.bank", "shop.bank", False), ("a.shop.bank", "b.shop.bank", True),
    ("bank", "has.bank", False),
    ("dept.wide.example", "x.dept.wide.example", True), ("dept.wide.example", "wide.example", False),
    ("x.dept.wide.example", "y.wide.example", False),
    ("a.mixed.example", "b.mixed.example", False), ("x.a.mixed.example", "y.a.mixed.example", True),
    ("mixed.example", "a.mixed.example", False),
    ("one.co.uk", "two.co.uk", False), ("a.one.co.uk", "one.co.uk", True), ("one.no", "two.no", False), ("no", "one.no", False),
    ("x.down.example", "down.example", True), ("a.b.c.d.e.f.g.h.i.j.k.old.example", "old.example", True),
    ("", "old.example", False), ("old.example", "", False),
])  # fmt: skip
def test_who_is_of_the_same_organisation(ask, one, other, related):
    assert dmarc.aligned(one, other, "r", ask) is related
    assert dmarc.aligned(other, one, "r", ask) is related
    assert not dmarc.aligned(one, other, "s", ask)


def test_no_name_costs_more_than_eight_look_ups(ask):
    asked: list[str] = []

    def know_nothing(name: str, _kind: str) -> tuple[str, ...]:
        asked.append(name)
        return ()

    dmarc.organisation(".".join("abcdefghijklmnopqrstuvwxyz") + ".example.net", ask=know_nothing)
    assert asked == [
        "_dmarc." + ".".join("abcdefghijklmnopqrstuvwxyz") + ".example.net",
        "_dmarc.v.w.x.y.z.example.net",
        "_dmarc.w.x.y.z.example.net",
        "_dmarc.x.y.z.example.net",
        "_dmarc.y.z.example.net",
        "_dmarc.z.example.net",
        "_dmarc.example.net",
        "_dmarc.net",
    ]


def test_dns_that_does_not_answer_moves_no_border():
    def silent(name: str, kind: str):
        raise DnsTrouble(name)

    assert dmarc.organisation("a.b.old.example", silent) == "old.example"

"""`alumnimail dns` against a DNS server that has what `--zone` printed."""

import json
from pathlib import Path

import dns.zone
import pytest
from click.testing import CliRunner

from mailcore.cli import main
from tests.outside import Zone, dns_server


def run(folder: Path, *words: str, server: str = "", extra: str = ""):
    settings = folder / "a.toml"
    settings.write_text(
        f'domain = "alumni.example"\ndata = "{folder}/var"\n'
        f"[dns]\nservers = {json.dumps([server] if server else [])}\n{extra}"
    )
    return CliRunner().invoke(main, ["--config", str(settings), "dns", *words])


def parsed(text: str) -> Zone:
    """By dnspython, which knows nothing of us."""
    read = dns.zone.from_text(text, origin="example.", relativize=False, check_origin=False)
    found: Zone = {}
    for name, node in read.nodes.items():
        for rdataset in node.rdatasets:
            kind = dns.rdatatype.to_text(rdataset.rdtype)
            found[str(name).rstrip(".").lower(), kind] = [record.to_text() for record in rdataset]
    return found


def test_the_zone_holds_every_record_and_nothing_else(tmp_path):
    done = run(tmp_path, "--zone", extra='[outbound]\nbind = "192.0.2.7"\n')
    assert done.exit_code == 0
    zone = parsed(done.stdout)
    assert zone["alumni.example", "MX"] == zone["srs.alumni.example", "MX"] == ["10 mx.alumni.example."]
    assert zone["mx.alumni.example", "A"] == ["192.0.2.7"]
    assert zone["mx.alumni.example", "TXT"] == ['"v=spf1 a ip4:192.0.2.7 -all"']
    assert "aspf=s" in zone["_dmarc.alumni.example", "TXT"][0]
    for name, kind in [
        ("alumni.example", "TXT"),
        ("srs.alumni.example", "TXT"),
        ("rsa1._domainkey.alumni.example", "TXT"),
        ("ed1._domainkey.alumni.example", "TXT"),
        ("_mta-sts.alumni.example", "TXT"),
        ("_smtp._tls.alumni.example", "TXT"),
        ("_imaps._tcp.alumni.example", "SRV"),
        ("_submission._tcp.alumni.example", "SRV"),
        ("_submissions._tcp.alumni.example", "SRV"),
        ("_sieve._tcp.alumni.example", "SRV"),
        ("_ua-auto-config.alumni.example", "TXT"),
        ("ua-auto-config.alumni.example", "CNAME"),
        ("autoconfig.alumni.example", "CNAME"),
        ("autodiscover.alumni.example", "CNAME"),
    ]:
        assert (name, kind) in zone


def test_what_stands_what_is_missing_and_what_is_wrong(tmp_path):
    zone = parsed(run(tmp_path, "--zone").stdout)
    with dns_server(zone) as server:
        done = run(tmp_path, "--json", server=server)
    assert {one["state"] for one in json.loads(done.stdout)} == {"right"}
    assert done.exit_code == 0
    del zone["srs.alumni.example", "MX"]
    zone["alumni.example", "TXT"] = ['"v=spf1 mx ~all"', '"proof=1"']
    with dns_server(zone) as server:
        done = run(tmp_path, "--json", server=server)
    states = {(one["name"], one["type"]): one["state"] for one in json.loads(done.stdout)}
    assert states["srs.alumni.example", "MX"] == "missing"
    assert states["alumni.example", "TXT"] == "wrong"
    assert done.exit_code == 1


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_dns_that_does_not_answer_is_told(tmp_path, words):
    with dns_server({}, broken=("alumni.example",)) as server:
        done = run(tmp_path, *words, server=server)
    assert "unknown" in done.stdout
    assert done.exit_code == 1

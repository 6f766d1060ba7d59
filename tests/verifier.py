"""Independent verifiers with the DNS of the test.

Of SPF, DKIM, DMARC and ARC that is Debian's rspamd, asked over HTTP; of DKIM opendkim, too.
"""

import http.client
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.machine import free_port, program, running
from tests.outside import Zone

_SETTINGS = """
options {{
  pidfile = "{folder}/pid"; control_socket = "{folder}/control mode=0600"; rrd = ""; history_file = ""; stats_file = "";
  dns {{ nameserver = "{dns}"; timeout = 5s; retransmits = 3; }}
  local_addrs = []; filters = "dkim"; url_tld = "{folder}/suffixes";
}}
logging {{ type = "file"; filename = "{folder}/log"; level = "warning"; }}
lua = "/usr/share/rspamd/rules/rspamd.lua";
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; task_timeout = 20s; }}
metric {{ name = "default"; actions {{ reject = 1000; }} }}
spf {{ check_local = true; check_authed = true; }}
dkim {{ check_local = true; check_authed = true; }}
arc {{ check_local = true; sign_local = false; sign_authenticated = false; sign_inbound = false; }}
dmarc {{ check_local = true; check_authed = true; actions {{}} }}
modules {{ {modules} }}
"""
_PLUGINS = Path("/usr/share/rspamd/plugins")


@dataclass(frozen=True, slots=True)
class Report:
    """A word of the verifier on one message as it came over one connection."""

    symbols: frozenset[str]
    signatures: frozenset[str]  # "domain:s=selector" of those that verify

    @property
    def dmarc(self) -> str:
        """`pass`, `enforced` (reject or quarantine), `lax` (p=none), `none` (no record), or `trouble`."""
        for symbol, word in (
            ("DMARC_POLICY_ALLOW", "pass"),
            ("DMARC_POLICY_REJECT", "enforced"),
            ("DMARC_POLICY_QUARANTINE", "enforced"),
            ("DMARC_POLICY_SOFTFAIL", "lax"),
            ("DMARC_NA", "none"),
            ("DMARC_BAD_POLICY", "none"),
        ):
            if symbol in self.symbols or symbol + "_WITH_FAILURES" in self.symbols:
                return word
        return "trouble"

    @property
    def arrives(self) -> bool:
        """DMARC passes, or no policy is enforced and SPF or DKIM passes."""
        vouched = bool({"R_SPF_ALLOW", "R_DKIM_ALLOW"} & self.symbols)
        return self.dmarc == "pass" or (self.dmarc in ("none", "lax") and vouched)


class Verifier:
    def __init__(self, port: int) -> None:
        self._port = port

    def judge(self, octets: bytes, *, ip: str, helo: str, sender: str) -> Report:
        asked = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        asked.request(
            "POST", "/checkv2", octets, {"IP": ip, "Helo": helo, "From": f"<{sender}>", "Rcpt": "<x@home.example>"}
        )
        found = json.loads(asked.getresponse().read())["symbols"]
        asked.close()
        valid = found.get("R_DKIM_ALLOW", {}).get("options", [])
        return Report(frozenset(found), frozenset(valid))


@contextmanager
def verifier(folder: Path, dns: str) -> Iterator[Verifier]:
    folder.mkdir()
    port = free_port()
    (folder / "suffixes").write_text("example\nuk\nac.uk\n")
    modules = " ".join(f'path = "{_PLUGINS / name}.lua";' for name in ("spf", "dmarc", "arc"))
    settings = folder / "rspamd.conf"
    settings.write_text(_SETTINGS.format(folder=folder, dns=dns, port=port, modules=modules))
    command = [program("rspamd"), "-i", "-f", "-c", str(settings)]
    made = Verifier(port)

    def answers() -> bool:
        try:
            made.judge(b"Subject: x\r\n\r\n", ip="127.0.0.1", helo="x", sender="")
        except (OSError, http.client.HTTPException):
            return False
        return True

    with running(command, folder, answers):
        yield made


def signed_by_opendkim(folder: Path, zone: Zone, messages: Mapping[int, bytes]) -> set[int]:
    """Those of the messages whose first signature, from the top, is valid by opendkim's word."""
    folder.mkdir()
    keys = [
        name + " " + texts[0].replace('" "', "").strip('"')
        for (name, _), texts in zone.items()
        if "._domainkey." in name
    ]
    (folder / "keys").write_text("\n".join(keys) + "\n")
    (folder / "conf").write_text(f"Mode v\nTestDNSData file:{folder}/keys\n")
    for number, octets in messages.items():
        (folder / str(number)).write_bytes(octets)
    files = ",".join(str(folder / str(number)) for number in messages)
    done = subprocess.run(
        [program("opendkim"), "-x", str(folder / "conf"), "-t", files, "-v"],
        capture_output=True,
        check=False,
        timeout=120,
    )
    found = re.findall(rb"(?m)^opendkim: \S+/(\d+): verification \([^)]*\) succeeded", done.stdout + done.stderr)
    return {int(number) for number in found}

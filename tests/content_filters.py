"""Real content filters for tests: Debian's rspamd with its controller, opendkim and ClamAV as milters."""

import http.client
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.machine import free_port, listens, program, running

_RSPAMD = """
options {{
  pidfile = "{folder}/pid"; control_socket = "{folder}/control mode=0600"; rrd = ""; history_file = ""; stats_file = "";
  dns {{ nameserver = "127.0.0.1:1"; timeout = 1s; retransmits = 1; }}
  local_addrs = []; filters = "regexp"; url_tld = "{folder}/suffixes"; gtube_patterns = "all"; words_decay = 200;
}}
logging {{ type = "file"; filename = "{folder}/log"; level = "info"; }}
lua = "/usr/share/rspamd/rules/rspamd.lua";
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; task_timeout = 20s; }}
worker "controller" {{ bind_socket = "127.0.0.1:{controller}"; count = 1; password = "learn"; enable_password = "learn";
  secure_ip = []; static_dir = "{folder}"; }}
metric {{ name = "default"; actions {{ reject = 15; add_header = 4; }} }}
classifier "bayes" {{
  cache {{ path = "{folder}/learned.sqlite"; }}
  tokenizer {{ name = "osb"; }} backend = "sqlite3"; min_tokens = 1; min_learns = 1;
  statfile {{ symbol = "BAYES_HAM"; path = "{folder}/ham.sqlite"; spam = false; }}
  statfile {{ symbol = "BAYES_SPAM"; path = "{folder}/spam.sqlite"; spam = true; }}
}}
modules {{ path = "/usr/share/rspamd/plugins/maillist.lua"; }}
"""


def _answers(port: int) -> bool:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        asked.request("GET", "/ping")
        return asked.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()


class Rspamd:
    def __init__(self, port: int, controller: int, log: Path) -> None:
        self.url, self.controller = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{controller}"
        self._controller, self.log = controller, log

    def statistics(self) -> dict[str, int]:
        """How often each class was taught, by its symbol."""
        asked = http.client.HTTPConnection("127.0.0.1", self._controller, timeout=60)
        asked.request("GET", "/stat", headers={"Password": "learn"})
        found = json.loads(asked.getresponse().read())
        asked.close()
        return {one["symbol"]: one["revision"] for one in found["statfiles"]}

    def learned(self) -> tuple[int, int]:
        """Spam and ham that it was taught."""
        counts = self.statistics()
        return counts["BAYES_SPAM"], counts["BAYES_HAM"]


@contextmanager
def rspamd(folder: Path) -> Iterator[Rspamd]:
    folder.mkdir()
    port, controller = free_port(), free_port()
    (folder / "suffixes").write_text("example\n")
    settings = folder / "rspamd.conf"
    settings.write_text(_RSPAMD.format(folder=folder, port=port, controller=controller))
    command = [program("rspamd"), "-i", "-f", "-c", str(settings)]
    filter_ = Rspamd(port, controller, folder / "log")
    for _ in range(5):
        # Two workers that make the files at once may leave a controller that does not know them; the next time they are there.
        with running(command, folder, lambda: _answers(port) and _answers(controller)):
            if len(filter_.statistics()) == 2:
                yield filter_
                return
    raise AssertionError(filter_.log.read_text())


@contextmanager
def opendkim(folder: Path, settings: str = "") -> Iterator[str]:
    """Its address as a milter."""
    folder.mkdir()
    port = free_port()
    file = folder / "opendkim.conf"
    file.write_text(
        f"Mode v\nSocket inet:{port}@127.0.0.1\nPidFile {folder}/pid\nUMask 022\nSyslog no\nSoftwareHeader yes\n"
        f"InternalHosts {folder}/none\nExternalIgnoreList {folder}/none\n{settings}\n"
    )
    (folder / "none").write_text("192.0.2.254\n")
    command = [program("opendkim"), "-f", "-x", str(file), "-u", "root"]
    with running(command, folder, lambda: listens(port), end=signal.SIGKILL):  # it, too, takes five seconds
        yield f"inet:127.0.0.1:{port}"


EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@contextmanager
def clamav(
    folder: Path, settings: str = "OnInfected Reject\nRejectMsg It carries %v", *, broken: bool = False
) -> Iterator[str]:
    """clamd that knows one signature, with clamav-milter before it; its address as a milter.

    Args:
        broken: clamd ends before anybody asks.
    """
    folder.mkdir()
    (folder / "signatures").mkdir()
    (folder / "signatures" / "eicar.ndb").write_text(f"Eicar-Test:0:*:{EICAR.hex()}\n")
    socket_path, milter_path = folder / "clamd.sock", folder / "milter.sock"
    common = f"Foreground yes\nUser root\nTemporaryDirectory {folder}\n"
    (folder / "clamd.conf").write_text(
        f"{common}DatabaseDirectory {folder}/signatures\nLocalSocket {socket_path}\nSelfCheck 0\nMaxThreads 4\n"
    )
    (folder / "milter.conf").write_text(
        f"{common}ClamdSocket unix:{socket_path}\nMilterSocket unix:{milter_path}\nAddHeader Add\nOnFail Defer\n{settings}\n"
    )
    clamd = [program("clamd"), "-c", str(folder / "clamd.conf")]
    milter = [program("clamav-milter"), "-c", str(folder / "milter.conf")]
    end = signal.SIGKILL  # asked to end it takes its time, up to five seconds
    with (
        running(clamd, folder, socket_path.is_socket, end) as scanner,
        running(milter, folder, milter_path.is_socket, end),
    ):
        if broken:
            scanner.kill()
            scanner.wait(60)
        yield f"unix:{milter_path}"

"""Real content filters for tests: Debian's rspamd with its controller, opendkim and ClamAV as milters."""

import http.client
import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.journeys.conftest import free_port, program, until

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
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        asked.request("GET", "/ping")
        return asked.getresponse().status == 200
    except OSError:
        return False
    finally:
        asked.close()


class Rspamd:
    def __init__(self, port: int, controller: int, log: Path) -> None:
        self.url, self.controller = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{controller}"
        self._controller, self.log = controller, log

    def statistics(self) -> dict[str, int]:
        """How often each class was taught, by its symbol."""
        asked = http.client.HTTPConnection("127.0.0.1", self._controller, timeout=5)
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

    @contextmanager
    def started() -> Iterator[bool]:
        """Whether its controller knows what was learned: two workers that make the files at once may leave one without."""
        null = subprocess.DEVNULL
        process = subprocess.Popen(command, stdout=null, stderr=null, cwd=folder, start_new_session=True)
        try:
            assert until(lambda: _answers(port) and _answers(controller), 30), filter_.log.read_text()
            yield len(filter_.statistics()) == 2
        finally:
            process.terminate()
            process.wait(15)

    with started() as knows:
        if knows:
            yield filter_
            return
    with started() as knows:  # the files are there now
        assert knows, filter_.log.read_text()
        yield filter_


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
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder)
    try:
        assert until(lambda: _listens(port) or process.poll() is not None, 15)
        assert process.poll() is None, process.stderr.read().decode()
        yield f"inet:127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        process.stderr.close()


EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@contextmanager
def clamav(folder: Path, settings: str = "OnInfected Reject\nRejectMsg It carries %v", *, broken: bool = False) -> Iterator[str]:
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
    running = []

    def start(name: str, settings: str, wanted: Path) -> None:
        log = (folder / f"{name}.log").open("wb")
        running.append(subprocess.Popen([program(name), "-c", str(folder / settings)], stdout=log, stderr=log, cwd=folder))
        log.close()
        assert until(lambda: wanted.is_socket() or running[-1].poll() is not None, 30)
        assert running[-1].poll() is None, (folder / f"{name}.log").read_text()

    try:
        start("clamd", "clamd.conf", socket_path)
        start("clamav-milter", "milter.conf", milter_path)
        if broken:
            running[0].kill()
            running[0].wait(15)
        yield f"unix:{milter_path}"
    finally:
        for process in reversed(running):
            process.kill()  # asked to end it takes its time, up to five seconds
            process.wait(15)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True

"""Debian's Roundcube beside an IMAP server that runs already, for bench/webmail.py: nginx, php-fpm with opcache, SQLite.

    bench/roundcube.py install                       apt-get the packages (needs root)
    bench/roundcube.py run DIR [--imap 20143]        prints the address, runs until interrupted

Everything that is written stands under DIR, everything listens on loopback or on a socket in DIR.  The settings are
Debian's own but for what connects the parts; PHP keeps compiled code and does not look for changed files, as on a
server in earnest.
"""

import argparse
import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ["roundcube-core", "roundcube-sqlite3", "php-fpm", "nginx-light"]
HOME = Path("/var/lib/roundcube/public_html")
SCHEMA = Path("/usr/share/roundcube/SQL/sqlite.initial.sql")
SETTINGS = Path("/etc/roundcube")
CHILDREN = 8

CONFIG = """<?php
$config['db_dsnw'] = 'sqlite:///{folder}/roundcube.db?mode=0640';
$config['imap_host'] = '127.0.0.1:{imap}';
$config['smtp_host'] = '127.0.0.1:{smtp}';
$config['des_key'] = '0123456789abcdef01234567';
$config['log_dir'] = '{folder}/logs/';
$config['temp_dir'] = '{folder}/temp/';
$config['plugins'] = [];
$config['skin'] = 'elastic';
"""
FPM = """[global]
error_log = {folder}/logs/fpm
daemonize = no
[www]
user = {user}
listen = {folder}/php.sock
pm = static
pm.max_children = {children}
env[ROUNDCUBE_CONFIG_DIR] = {folder}/config
php_admin_value[opcache.enable] = 1
php_admin_value[opcache.validate_timestamps] = 0
php_admin_value[session.save_path] = {folder}/temp
"""
NGINX = """user {user};
worker_processes 2;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/logs/nginx;
events {{ worker_connections 1024; }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    keepalive_requests 1000000;
    client_max_body_size 100m;
    client_body_temp_path {folder}/temp/body;
    fastcgi_temp_path {folder}/temp/fastcgi;
    proxy_temp_path {folder}/temp/proxy;
    uwsgi_temp_path {folder}/temp/uwsgi;
    scgi_temp_path {folder}/temp/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {home};
        index index.php;
        location ~ \\.php$ {{
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_pass unix:{folder}/php.sock;
        }}
    }}
}}
"""


def install() -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *PACKAGES], env=environment, check=True
    )


def list_missing() -> list[str]:
    """List the packages that are not installed."""
    asked = ["dpkg-query", "-W", "-f", "${Package} ${Status}\\n", *PACKAGES]
    known = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    there = {line.split()[0] for line in known.splitlines() if line.endswith(" installed")}
    return [name for name in PACKAGES if name not in there]


def ensure_installed() -> None:
    """Install what is missing, as root; else say what to do.  Before anything that takes minutes."""
    missing = list_missing()
    if missing and os.geteuid() == 0:
        print(f"Installing {', '.join(missing)}", flush=True)
        try:
            install()
        except (OSError, subprocess.CalledProcessError) as problem:
            raise SystemExit(f"apt-get does not install {', '.join(missing)}: {problem}") from None
        missing = list_missing()
    if missing:
        raise SystemExit(f"Roundcube wants {', '.join(missing)}; as root: bench/roundcube.py install")


def read_logs(folder: Path) -> str:
    """Return the last lines of what Roundcube, PHP and nginx wrote."""
    texts = [(path.name, path.read_text(errors="replace").splitlines()) for path in sorted((folder / "logs").glob("*"))]
    return "\n".join(f"{name}: {line}" for name, lines in texts for line in lines[-5:])


@contextlib.contextmanager
def running(folder: Path, imap: int = 20143, smtp: int = 20587) -> Iterator[str]:
    """Roundcube with its files in `folder`; its address."""
    fpm, nginx = sorted(glob.glob("/usr/sbin/php-fpm*")), shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if not (HOME.exists() and fpm and nginx):
        raise SystemExit("Roundcube is not installed: bench/roundcube.py install")
    user = "root" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name  # all of it in one folder of one user
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    folder = folder.resolve()
    for name in ("config", "logs", "temp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("defaults.inc.php", "mimetypes.php"):
        shutil.copy(SETTINGS / name, folder / "config")
    values = {
        "folder": folder,
        "imap": imap,
        "smtp": smtp,
        "user": user,
        "port": port,
        "home": HOME,
        "children": CHILDREN,
    }
    for name, text in (("config/config.inc.php", CONFIG), ("fpm.conf", FPM), ("nginx.conf", NGINX)):
        (folder / name).write_text(text.format(**values))
    with contextlib.closing(sqlite3.connect(folder / "roundcube.db")) as database:
        if not database.execute("SELECT 1 FROM sqlite_master").fetchone():
            database.executescript(SCHEMA.read_text())
    commands = [
        [fpm[-1], "--nodaemonize", "--allow-to-run-as-root", "--fpm-config", str(folder / "fpm.conf")],
        [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "logs/nginx")],
    ]
    processes = []
    try:
        for command in commands:
            processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        _wait(folder, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(30)


def _wait(folder: Path, port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if (folder / "php.sock").exists() and probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"Roundcube did not start; see {folder}/logs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["install", "run"])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--imap", type=int, default=20143)
    parser.add_argument("--smtp", type=int, default=20587)
    args = parser.parse_args()
    if args.what == "install":
        install()
        return
    if args.folder is None:
        parser.error("run needs a folder")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt), running(args.folder, args.imap, args.smtp) as address:
        print(address, flush=True)
        signal.pause()


if __name__ == "__main__":
    main()

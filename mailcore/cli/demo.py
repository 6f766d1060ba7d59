"""`alumnimail demo`, which `make run` starts: the whole service on loopback, with two people to log in as."""

import os
import secrets
import sys
from pathlib import Path

import click

from mailcore import core as cores
from mailcore.cli import serve
from mailcore.config import Config, load_config
from mailcore.errors import AccountNotFound
from mailcore.services import accounts

SETTINGS = Path("var/demo.toml")
PASSWORD = Path("var/demo-password")

_TOML = """\
# Made by `make run` for a first look: loopback only, nothing leaves this machine.
domain = "alumni.example"
hostname = "mx.alumni.example"
data = "var"

[listen]
smtp = "127.0.0.1:2525"
submission = "127.0.0.1:2587"
submissions = "127.0.0.1:2465"
imap = "127.0.0.1:2143"
imaps = "127.0.0.1:2993"
managesieve = "127.0.0.1:4190"
http = "127.0.0.1:8080"

[outbound]
mode = "capture"

[limits]
trusted = ["127.0.0.0/8"]
"""

_GUIDE = """
Alumnimail for {domain} runs on this machine alone; mail to outside addresses is caught, not sent.

  portal and webmail   {url}
  IMAP                 {listen.imaps} (TLS), {listen.imap} (STARTTLS)
  sending              {listen.submission} (STARTTLS), {listen.submissions} (TLS)
  mail in              {listen.smtp}
  ManageSieve          {listen.managesieve} (STARTTLS)
  CA certificate       {data}/tls/ca.pem

  log in as            ola or kari, password {password}

Try first, in another window:
  swaks --server {listen.smtp} --to ola@{domain} --from friend@outside.example
  curl -k -u ola:{password} 'imaps://{listen.imaps}/INBOX;MAILINDEX=1'
  .venv/bin/alumnimail --config {settings} queue list
Stop with Ctrl-C; a second start keeps what this one made.
"""


def _settings() -> Config:
    if not SETTINGS.exists():
        SETTINGS.parent.mkdir(parents=True, exist_ok=True)
        SETTINGS.write_text(_TOML)
    return load_config(str(SETTINGS))


def _people(config: Config) -> str:
    """Make the two accounts where they are missing; give their password."""
    if not PASSWORD.exists():
        PASSWORD.touch(mode=0o600)
        PASSWORD.write_text("-".join(secrets.token_hex(2) for _ in range(4)))
    password = PASSWORD.read_text().strip()
    core = cores.build(config)
    try:
        for name, display_name in (("ola", "Ola Nordmann"), ("kari", "Kari Nordmann")):
            try:
                accounts.get(core, name)
            except AccountNotFound:
                accounts.add(core, name, display_name=display_name, password=password)
    finally:
        cores.close(core)
    return password


def register(main: click.Group) -> None:
    """Add the command of this module."""

    @main.command()
    def demo() -> None:
        """Run everything on loopback with two demo accounts (settings: var/demo.toml)."""
        config = _settings()
        serve.prepare(config)
        password = _people(config)
        click.echo(
            _GUIDE.format(
                domain=config.domain, url=config.url, listen=config.listen, data=config.data, password=password,
                settings=SETTINGS,
            )  # fmt: skip
        )
        sys.stdout.flush()
        os.execv(sys.argv[0], [sys.argv[0], "--config", str(SETTINGS), "serve", "--one"])  # noqa: S606

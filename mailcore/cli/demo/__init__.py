"""`alumnimail demo`, which `make run` starts: the whole service on loopback, with a university's directory and its people."""

import contextlib
import sys
from pathlib import Path

import click

from mailcore import core as cores
from mailcore.cli import serve
from mailcore.cli.demo import directory, people
from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.config_file import load_config
from mailcore.log import start_logging

SETTINGS = Path("var/demo.toml")

TOML = """\
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

READER = "cn=alumnimail,dc=university,dc=example"
DIRECTORY = f"""
# The university's ordinary user database; with this bind_dn the demo plays it itself.
[directory]
url = "ldap://127.0.0.1:2389"
bind_dn = "{READER}"
bind_password = "reading"
base = "ou=people,dc=university,dc=example"
until_attribute = "universityUntil"
"""

_GUIDE = """
Alumnimail for {domain} runs on this machine alone; mail to outside addresses is caught, not sent.

  portal and webmail   {url}
  IMAP                 {listen.imaps} (TLS), {listen.imap} (STARTTLS)
  sending              {listen.submission} (STARTTLS), {listen.submissions} (TLS)
  mail in              {listen.smtp}
  ManageSieve          {listen.managesieve} (STARTTLS)
  CA certificate       {data}/tls/ca.pem
  directory            {directory}

  log in as            ola or kari
  alumni password      {password}
  university password  {university}

The university's directory knows these, all with the university password:
{people}
  Log in as ola with each of the two: {url}/account/logins tells which one it was.

Try first, in another window:
  swaks --server {listen.smtp} --to ola@{domain} --from friend@outside.example
  curl -k -u ola:{password} 'imaps://{listen.imaps}/INBOX;MAILINDEX=1'
  .venv/bin/alumnimail --config {settings} queue list
Stop with Ctrl-C; a second start keeps what this one made.
"""


def _settings() -> Config:
    """Read the settings of the demo, created at the first start; only the directory is added to an older file."""
    if not SETTINGS.exists():
        SETTINGS.parent.mkdir(parents=True, exist_ok=True)
        SETTINGS.write_text(TOML + DIRECTORY)
    elif "[directory]" not in (before := SETTINGS.read_text()):
        SETTINGS.write_text(before + DIRECTORY)
    return load_config(str(SETTINGS))


def _university(config: Config, password: str) -> contextlib.AbstractContextManager[None]:
    """Run the directory, unless the settings name another one.  Raises ConfigError."""
    s = config.directory
    if s.bind_dn != READER:
        return contextlib.nullcontext()
    entries = people.entries(config, Clock().now().date(), password)
    return directory.running(s.url.removeprefix("ldap://"), entries, {s.bind_dn: s.bind_password})


@click.command()
def demo() -> None:
    """Run everything on loopback with demo people (settings: var/demo.toml)."""
    start_logging()
    config = _settings()
    with serve.serving(config):
        password = people.kept_password(config, people.ALUMNI_PASSWORD)
        university = people.kept_password(config, people.UNIVERSITY_PASSWORD)
        core = cores.build(config)
        try:
            people.ensure_accounts(core, password)
        finally:
            cores.close(core)
        with _university(config, university):
            click.echo(
                _GUIDE.format(
                    domain=config.domain,
                    url=config.url,
                    listen=config.listen,
                    data=config.data,
                    password=password,
                    settings=SETTINGS,
                    directory=config.directory.url,
                    university=university,
                    people=people.hints(config),
                )
            )
            sys.stdout.flush()
            serve.run_one(config)

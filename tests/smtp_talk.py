"""A client of the SMTP listeners that sends octets as they are, and a core to talk to."""

import asyncio
import base64
import dataclasses
import ssl

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.services import certificates
from mailcore.services.accounts import accounts
from mailcore.smtp import server

PASSWORD = "en lang hemmelighet"


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SECRET, WRONG = coded(f"\0ola\0{PASSWORD}"), coded("\0ola\0wrong")
TRUSTING = ssl.create_default_context()
TRUSTING.check_hostname = False
TRUSTING.verify_mode = ssl.CERT_NONE


def build(folder, settings: str = "", *, listen: str = "", names=("ola", "kari"), clock=None):
    """A core without listeners, with accounts; `settings` is TOML of further tables."""
    config = parse_config(
        f'data = "{folder}"\n{settings}\n[outbound]\nmode = "capture"\n'
        f'[listen]\nsmtp = ""\nsubmission = ""\nsubmissions = ""\n{listen}\n'
    )
    if "connections_per_minute" not in settings:  # tests connect more often than anybody may
        config = dataclasses.replace(config, limits=dataclasses.replace(config.limits, connections_per_minute=0))
    made = cores.build(config, clock)
    certificates.ensure_certificate(made.config, made.clock)
    accounts.ensure_postmaster(made)
    for name in names:
        accounts.add_account(made, name, display_name=name.title(), quota=2**30, password=PASSWORD)
    return made


class Client:
    """A conversation, and beside it the listener that it is held with."""

    port: int
    opened: server.SmtpListener

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def replies(self, count: int) -> list[str]:
        """Last lines of the next replies; "" when the server has closed."""
        out: list[str] = []
        while len(out) < count:
            line = (await asyncio.wait_for(self.reader.readline(), 60)).decode().rstrip("\r\n")
            if line[3:4] != "-":
                out.append(line)
        return out

    async def say(self, text: str, count: int = 1) -> list[str]:
        self.writer.write(text.encode("latin-1"))
        return await self.replies(count)

    async def codes(self, text: str, count: int) -> str:
        return " ".join(line[:3] for line in await self.say(text, count))


def talk(core, play, listener: str = "smtp") -> None:
    """Run `play(connect)`, where `connect()` gives a greeted Client of the one listener that is open."""
    tls = TRUSTING if listener == "submissions" else None

    async def run() -> None:
        listen = dataclasses.replace(core.config.listen, **{listener: "127.0.0.1:0"})
        here = dataclasses.replace(core, config=dataclasses.replace(core.config, listen=listen))
        [opened] = await server.start(here, certificates.tls_context(here.config))
        port = opened.sockets[0].getsockname()[1]
        clients: list[Client] = []

        async def connect(*, ehlo: bool = True, proxied: bytes = b"") -> Client:
            client = Client(*await asyncio.open_connection("127.0.0.1", port, ssl=None if proxied else tls))
            clients.append(client)
            client.port, client.opened = port, opened
            if proxied:
                client.writer.write(proxied)
            if proxied and tls:
                await client.writer.start_tls(tls)
            await client.replies(1)
            if ehlo:
                await client.say("EHLO test.example\r\n")
            return client

        try:
            await play(connect)
        finally:
            for client in clients:
                client.writer.close()
            opened.close()
            await opened.wait_closed()
            await asyncio.sleep(0.05)

    asyncio.run(run())


def inbox(core, name: str) -> list[bytes]:
    account = accounts.find_account(core, name)

    def read(tx):
        box = core.mail.mailbox(tx, account.id, "INBOX")
        return [core.mail.octets(tx, box.id, uid) for uid in core.mail.uids(tx, box.id)]

    return core.db.read(read)

"""Ask rspamd about a message, and teach it, by its HTTP interface.  Blocking: run it in a thread that may wait."""

import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from mailcore.config import Config
from mailcore.domain import Envelope
from mailcore.mail.reading.octets import Octets

MAX_ANSWER = 4 * 2**20


class RspamdProblem(Exception):
    """Rspamd did not answer, or not as it should."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`action` in rspamd's words; `required` is the score at which it would refuse."""

    action: str
    score: float
    required: float
    symbols: tuple[str, ...]
    message: str


def _post(url: str, path: str, octets: Octets, fields: dict[str, str], seconds: int) -> tuple[int, bytes]:
    address = urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=seconds)
    try:
        safe = {name: "".join(c for c in value if " " <= c <= "~") for name, value in fields.items()}
        connection.request(
            "POST", address.path.rstrip("/") + path, octets, {**safe, "Content-Length": str(len(octets))}
        )
        answer = connection.getresponse()
        return answer.status, answer.read(MAX_ANSWER)
    except (OSError, http.client.HTTPException) as problem:
        raise RspamdProblem(type(problem).__name__) from problem
    finally:
        connection.close()


def check_message(config: Config, envelope: Envelope, octets: Octets, queue_id: str) -> Answer:
    """Have rspamd check a message.  Raises RspamdProblem."""
    fields = {
        "IP": envelope.peer,
        "Helo": envelope.helo,
        "From": envelope.sender,
        "Queue-Id": queue_id,
        "MTA-Name": config.host,
        "Rcpt": ", ".join(envelope.recipients[:50]),
    }
    if envelope.authenticated:
        fields["User"] = str(envelope.authenticated)
    fields = {name: value for name, value in fields.items() if value}
    status, body = _post(config.filter.rspamd, "/checkv2", octets, fields, config.filter.seconds)
    try:
        answer = json.loads(body)
        return Answer(
            str(answer["action"]),
            float(answer["score"]),
            float(answer["required_score"]),
            tuple(answer.get("symbols", {})),
            str(answer.get("messages", {}).get("smtp_message", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise RspamdProblem(f"status {status}") from problem


def teach_message(config: Config, octets: Octets, kind: str) -> None:
    """Teach rspamd a message as `spam` or `ham`; one that it knows already is no error.  Raises RspamdProblem."""
    fields = {"Password": config.filter.learn_password} if config.filter.learn_password else {}
    status, body = _post(config.filter.learn, f"/learn{kind}", octets, fields, config.filter.seconds)
    if status not in (200, 204, 208) and b"already learned" not in body and b"has been already" not in body:
        raise RspamdProblem(f"status {status}")

"""Settings of machines: the log, spans, the bucket of large messages, nodes on one database, and the file itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class S3:
    """The server of `blobs = "s3://..."`.  Empty keys are looked for where Amazon's programs look.

    `cache`: octets on each machine's own disk, of what it wrote or read lately.
    """

    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: str = ""
    cache: str = "20G"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, and what stands before each key in it."""

    name: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """Several nodes on one database; no `key` = this machine is alone.

    Attributes:
        key: path of the file that each node has a copy of.
        node: name of this one; empty = the machine's.
        silent_seconds: after which others take over what a node had; it stops by itself at two thirds of that.
    """

    key: str = ""
    node: str = ""
    silent_seconds: int = 30

    @property
    def fenced_seconds(self) -> float:
        """Return after how much silence a node takes itself for dead: before others do."""
        return self.silent_seconds * 2 / 3


@dataclass(frozen=True, slots=True)
class Log:
    """Settings of the log, on stderr.

    Attributes:
        format: "text" for people, "json" for programs: an object in a line.
        messages: a line for each step of each message, with its id.
    """

    format: str = "text"
    messages: bool = False


@dataclass(frozen=True, slots=True)
class OpenTelemetry:
    """Spans of messages.

    Attributes:
        endpoint: URL that takes them by OTLP over HTTP; "" = none are made.
        percent: of messages, by their ids.
    """

    endpoint: str = ""
    percent: int = 100


@dataclass(frozen=True, slots=True)
class Origin:
    """Where settings come from: `file`, "" = the defaults; `given` names those that it has, and how (file or env for secrets)."""

    file: str = ""
    given: tuple[tuple[str, str], ...] = ()

"""DNS look-ups, remembered for as long as the records say; trouble is remembered for half a minute.

Every look-up of the program goes to the servers of the settings.  A name that does not exist and a name without
records of the kind are the same here: nothing.
"""

import threading
from collections import OrderedDict
from ipaddress import ip_address
from typing import Any

import dns.exception
import dns.name
import dns.nameserver
import dns.resolver

from mailcore.clock import Clock
from mailcore.config import Config, host_and_port

LIFETIME_SECONDS = 3
PROBE_SECONDS = 1
SILENT_SECONDS = 15  # after no server answered at all, nothing is asked for so long
TROUBLE_SECONDS = 30
NOTHING_SECONDS = 300
MOST_SECONDS = 3600
REMEMBERED = 20_000

Records = tuple[Any, ...]  # Any: dnspython's Rdata, whose attributes depend on the kind


class DnsTrouble(Exception):
    """No answer: a delay or `temperror`, never "there is none"."""


class NotKnownYet(Exception):
    """`remembered` has no answer; ask with `lookup`."""


def nameserver(text: str) -> dns.nameserver.Do53Nameserver:
    """`ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`."""
    try:
        return dns.nameserver.Do53Nameserver(str(ip_address(text)), 53)
    except ValueError:
        return dns.nameserver.Do53Nameserver(*host_and_port(text))


class Resolver:
    """One memory for a process, used from many threads."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._resolver = dns.resolver.Resolver(configure=not config.dns.servers)
        if config.dns.servers:
            self._resolver.nameservers = [nameserver(text) for text in config.dns.servers]
        self._resolver.lifetime = LIFETIME_SECONDS
        self._clock = clock
        self._answers: OrderedDict[tuple[str, str], tuple[int, Records | None]] = OrderedDict()
        self._lock = threading.Lock()
        self._silent_until = 0

    def remembered(self, name: str, kind: str) -> Records:
        """Return the remembered records without waiting.  Raises NotKnownYet, DnsTrouble."""
        with self._lock:
            until, records = self._answers.get((name.lower(), kind), (0, None))
        now = self._clock.seconds()
        if until <= now:
            if now < self._silent_until:
                raise DnsTrouble(name)
            raise NotKnownYet(name)
        if records is None:
            raise DnsTrouble(name)
        return records

    def lookup(self, name: str, kind: str) -> Records:
        """Ask, blocking for a few seconds at most.  Raises DnsTrouble."""
        try:
            return self.remembered(name, kind)
        except NotKnownYet:
            pass
        seconds, records = self._ask(name, kind)
        with self._lock:
            self._answers[name.lower(), kind] = (self._clock.seconds() + seconds, records)
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        if records is None:
            raise DnsTrouble(name)
        return records

    def forget(self, name: str, kind: str) -> None:
        """Ask anew when this is looked up next."""
        with self._lock:
            self._answers.pop((name.lower(), kind), None)

    def _ask(self, name: str, kind: str) -> tuple[int, Records | None]:
        try:
            answer = self._resolver.resolve(name, kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return NOTHING_SECONDS, ()
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.IDNAException, UnicodeError):
            return NOTHING_SECONDS, ()  # no name of DNS
        except dns.exception.Timeout:
            if not self._is_answering():
                self._silent_until = self._clock.seconds() + SILENT_SECONDS
            return TROUBLE_SECONDS, None
        except dns.exception.DNSException:
            return TROUBLE_SECONDS, None
        if answer.rrset is None:
            return NOTHING_SECONDS, ()
        return max(1, min(answer.rrset.ttl, MOST_SECONDS)), tuple(answer)

    def _is_answering(self) -> bool:
        """Do the servers answer what they all know?  A name that takes long may be a stranger's, who wants us deaf."""
        try:
            self._resolver.resolve(dns.name.root, "NS", lifetime=PROBE_SECONDS)
        except dns.exception.Timeout:
            return False
        except dns.exception.DNSException:
            return True
        return True


def text_of(record: Any) -> str:  # Any: a TXT Rdata
    """The strings of a TXT record as one (RFC 7208 section 3.3)."""
    return b"".join(record.strings).decode("latin-1")

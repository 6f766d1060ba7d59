"""A real slapd on loopback with a small university in it."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import trustme

from mailcore.config import Directory
from tests.machine import free_port, listens, program, running

BASE = "dc=university,dc=example"
ADMIN, ADMIN_PASSWORD = f"cn=admin,{BASE}", "reading"
_CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.3.6.1.4.1.2428.90.1.4 NAME 'norEduPersonLIN' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.5923.1.1.1.1 NAME 'eduPersonAffiliation' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.2428.90.1.5 NAME 'norEduPersonNIN' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.99999.3 NAME 'accountStatus' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.99999.1 NAME 'universityUntil' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.3.6.1.4.1.99999.2 NAME 'universityPerson' AUXILIARY
  MAY ( norEduPersonLIN $ norEduPersonNIN $ eduPersonAffiliation $ universityUntil $ accountStatus ) )
allow bind_anon_cred
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
database mdb
suffix "{base}"
rootdn "{admin}"
rootpw {password}
directory {folder}/db
access to attrs=userPassword by anonymous auth by * none
access to * by users read by anonymous none
"""


class University:
    """Starts, stops and changes people; settings for us in `settings()`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        (folder / "db").mkdir()
        self.ca = folder / "ca.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca))
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        certificate.private_key_pem.write_to_path(str(folder / "server.key"))
        for pem in certificate.cert_chain_pems:
            pem.write_to_path(str(folder / "server.pem"), append=True)
        (folder / "slapd.conf").write_text(_CONF.format(folder=folder, base=BASE, admin=ADMIN, password=ADMIN_PASSWORD))
        self._up = ExitStack()
        self.start()
        self._ldap(
            "ldapadd",
            f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: University\ndc: university\n\n"
            f"dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n",
        )

    def start(self) -> None:
        address, settings = f"ldap://127.0.0.1:{self.port}", str(self.folder / "slapd.conf")
        command = [program("slapd"), "-d", "0", "-h", address, "-f", settings]
        self._up.enter_context(running(command, self.folder, lambda: listens(self.port)))

    def stop(self) -> None:
        self._up.close()

    def add(
        self, login: str, person: str, password: str, *kinds: str, until: str = "", national: str = "", name: str = ""
    ) -> None:
        more = "".join(f"eduPersonAffiliation: {kind}\n" for kind in kinds) + (
            f"universityUntil: {until}\n" if until else ""
        )
        more += f"norEduPersonNIN: {national}\n" if national else ""
        self._ldap(
            "ldapadd",
            (
                f"dn: uid={login},ou=people,{BASE}\nobjectClass: inetOrgPerson\nobjectClass: universityPerson\nuid: {login}\n"
                f"cn: {name or login}\nsn: {login}\nuserPassword: {password}\nnorEduPersonLIN: {person}\n{more}"
            ),
        )

    def remove(self, login: str) -> None:
        self._ldap("ldapdelete", f"uid={login},ou=people,{BASE}\n")

    def set(self, login: str, attribute: str, value: str) -> None:
        """The empty value takes it away."""
        change = f"replace: {attribute}\n{attribute}: {value}\n" if value else f"replace: {attribute}\n"
        self._ldap("ldapmodify", f"dn: uid={login},ou=people,{BASE}\nchangetype: modify\n{change}")

    def password(self, login: str, new: str) -> None:
        change = f"changetype: modify\nreplace: userPassword\nuserPassword: {new}\n"
        self._ldap("ldapmodify", f"dn: uid={login},ou=people,{BASE}\n{change}")

    def _ldap(self, command: str, ldif: str) -> None:
        subprocess.run(
            [command, "-x", "-H", f"ldap://127.0.0.1:{self.port}", "-D", ADMIN, "-w", ADMIN_PASSWORD],
            input=ldif,
            text=True,
            check=True,
            capture_output=True,
        )

    def settings(self, url: str = "") -> Directory:
        return Directory(
            url=url or f"ldap://127.0.0.1:{self.port}",
            starttls=True,
            ca=str(self.ca),
            bind_dn=ADMIN,
            bind_password=ADMIN_PASSWORD,
            base=f"ou=people,{BASE}",
            until_attribute="universityUntil",
            blocked_filter="(accountStatus=locked)",
            national_attribute="norEduPersonNIN",
        )


@contextmanager
def university(folder: Path) -> Iterator[University]:
    made = University(folder)
    try:
        yield made
    finally:
        made.stop()

"""Upheavals of the whole service: a new directory, a merger, a restore, a move to another engine."""

import dataclasses
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from mailcore.errors import TooManyVanished
from mailcore.services.accounts import accounts, addresses, affiliations, people_file
from mailcore.services.delivery import queue_admin
from mailcore.services.operations import backup, database_move
from tests import postgres_server
from tests.directory import BASE, University
from tests.lifetime import mail, owners
from tests.lifetime.world import STEPS, World

COLLEGE = "college.example"


@dataclass(slots=True)
class Machines:
    """The servers around ours: a directory (slapd), and PostgreSQL once we have moved there."""

    world: World
    folder: Path
    stack: ExitStack
    university: University | None = None
    database: str = ""
    listed: set[str] = field(default_factory=set)  # user names in the directory

    def stop(self) -> None:
        if self.university is not None:
            self.university.stop()
        self.stack.close()

    def start_directory(self) -> None:
        """Put everybody with a tie into a new directory, and point the service at it."""
        world = self.world
        if self.university is not None:
            self.university.stop()
        folder = self.folder / "directory"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.university = University(folder)
        entries = [
            f"dn: uid={life.login},ou=people,{BASE}\nobjectClass: inetOrgPerson\nobjectClass: universityPerson\n"
            f"uid: {life.login}\ncn: {life.name}\nsn: x\nuserPassword: {life.university_password}\n"
            f"norEduPersonLIN: {life.person}\neduPersonAffiliation: student\n"
            for life in world.state.lives
            if life.is_tied
        ]
        self.listed = {life.login for life in world.state.lives if life.is_tied}
        self.university._ldap("ldapadd", "\n".join(entries))
        world.restart(dataclasses.replace(world.config, directory=self.university.settings()))

    def marry(self) -> None:
        """Give a few people of the directory another name."""
        world = self.world
        assert self.university
        for life in world.pick([life for life in world.state.lives if life.login in self.listed], 0.02):
            life.name = (
                f"{life.name.split()[0]} {world.chance.choice(owners._LAST)}-{world.chance.choice(owners._LAST)}"
            )
            self.university.set(life.login, "cn", life.name)

    def start_database(self) -> str:
        if not self.database:
            server = self.stack.enter_context(postgres_server.serving(settings=("fsync=on",)))
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute("CREATE DATABASE lifetime")
            self.database = server.replace("@/postgres?", "@/lifetime?")
        return self.database


def read_directory(world: World) -> None:
    """Read the directory; staff believes it where so many have left that the service asks."""
    try:
        affiliations.sync_directory(world.core)
    except TooManyVanished:
        affiliations.sync_directory(world.core, believe=True)


def new_directory(world: World, machines: Machines) -> None:
    """Another directory: many user names are new, some are those of others before, and names are spelled anew.

    People come and go between one and the next.
    """
    chance, lives = world.chance, world.state.lives
    tied = [life for life in lives if life.is_tied]
    for life in world.pick(tied, 0.3):
        life.is_tied = False
    for _ in range(max(1, len(lives) // 40) if len(lives) < world.state.plan.people else 0):
        owners.make_person(world)
    tied = [life for life in lives if life.is_tied]
    world.state.directories += 1
    taken = {life.login for life in tied}
    for life in world.pick(tied, 0.2):
        life.login = f"n{world.state.directories}{life.person}"
    gone = [life.user for life in lives if life.user and life.user not in taken]
    for life, user in zip(
        world.pick(tied, 0.05), chance.sample(gone, min(len(gone), len(tied) // 20 + 1)), strict=False
    ):
        life.login = user
    for life in tied:
        life.university_password = f"university sentence {chance.getrandbits(48):x}"
    machines.start_directory()
    read_directory(world)
    world.tally.count("directory migrations")


def merge(world: World) -> None:
    """Another college joins: its people come in a file, with their addresses at its domain, and names of ours, too."""
    config = dataclasses.replace(world.config, domains=(*world.config.domains, COLLEGE))
    world.state.domains = config.domains
    world.restart(config)
    theirs, used, lines = [], [life.user for life in world.people_here()], ["username,person,name,addresses"]
    for number in range(max(2, world.state.plan.people // 20)):
        life = owners.make_person(world)
        life.is_tied = False
        wanted = used[number % len(used)] if number % 2 and used else f"c{life.login}"
        old = f"{wanted}.{number}" if number % 4 == 1 else wanted
        lines.append(f"c.{life.login},{life.person},{life.name},{old}@{COLLEGE}")
        theirs.append((life, f"c.{life.login}", f"{old}@{COLLEGE}"))
    people = people_file.parse_people("\n".join(lines) + "\n", world.core.config.mail_domains)
    people = people_file.leave_out_taken(world.core, people)
    made = {account.name: account for account in accounts.import_accounts(world.core, people.accounts)}
    for life, name, _old in theirs:
        if (account := made.get(name)) is None:
            continue
        life.account, life.user = account.id, account.name
        life.addresses = set(accounts.list_addresses(world.core, account.id))
        owners.add_contact(world, life)
        link = accounts.create_password_link(world.core, account.name)
        owners._redeem(world, life, link.rpartition("/")[2])
        world.tally.count("accounts")
    addresses.fill_domain(world.core, COLLEGE, actor="administrator")
    for life in world.people_here():
        life.addresses |= set(accounts.list_addresses(world.core, life.account))
    world.tally.count("mergers")


def restore(world: World) -> None:
    """Back the service up while it runs, lose the disk, and restore it; what came in between went with the disk."""
    folder = world.folder / "backup"
    backup.create_backup(world.config, folder, world.clock)
    before = world.state.ledger.number
    mail.receive(world, 2)
    world.stop()
    backup.restore_backup(world.config, folder, world.clock, replace=True)
    world.start()
    queue_admin.retry(world.core, None, actor="administrator")
    for numbers in world.state.ledger.of.values():
        lost = {number for number in numbers if number > before}
        numbers -= lost
    world.state.ledger.gone += world.state.ledger.number - before
    world.tally.count("restores")


def move(world: World, machines: Machines) -> None:
    """Move to PostgreSQL."""
    new = dataclasses.replace(world.config, data=str(world.folder / "moved"), database=machines.start_database())
    world.stop()
    database_move.move_installation(world.config, new, world.clock, progress=lambda octets: None, say=lambda line: None)
    world.state.is_moved = True
    world.start(new)
    world.tally.count("moves to other engines")


def overturn(world: World, machines: Machines) -> None:
    """Do what is due at this step: ten new directories, a merger, three restores and a move, spread over the years."""
    plan = world.state.plan
    step, steps = world.state.step, plan.steps

    def is_due(*shares: float) -> bool:
        return step in {int(share * steps) for share in shares}

    if is_due(*(number / plan.directories + 0.03 for number in range(plan.directories))):
        new_directory(world, machines)
    elif step % STEPS == 7:
        machines.marry()
        read_directory(world)
    if is_due(0.4):
        merge(world)
    if is_due(0.2, 0.5, 0.9):
        restore(world)
    if is_due(0.7) and postgres_server.programs() is not None:
        move(world, machines)

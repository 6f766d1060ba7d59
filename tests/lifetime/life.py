"""One person of the simulation: what they have, know and remember, and what the register says of them."""

from dataclasses import dataclass, field
from enum import StrEnum

from mailcore.domain import AccountId, Proven


class Habit(StrEnum):
    """How often somebody opens their mail."""

    OFTEN = "often"
    SELDOM = "seldom"
    NEVER = "never"


@dataclass(slots=True)
class Life:
    """A person.

    Attributes:
        user: the user name, "" before there is an account.
        password: as its owner remembers it; "" = forgotten.
        contacts: addresses elsewhere that they gave as theirs, the newest last.
        secret: of the app on their telephone; "" where there is none, or it is lost.
        addresses: all that ever led to them here.
        returns_at: the year in which somebody silent comes back, 0 = never.
        undo: the link that opens a closed account again.
    """

    person: str
    name: str
    login: str
    university_password: str
    place: str
    language: str = "nb"
    is_tied: bool = True
    habit: Habit = Habit.OFTEN
    account: AccountId = AccountId(0)
    user: str = ""
    password: str = ""
    device: str = ""
    secret: str = ""
    has_factor: bool = False
    codes: list[str] = field(default_factory=list)
    contacts: list[str] = field(default_factory=list)
    addresses: set[str] = field(default_factory=set)
    forwards_to: str = ""
    returns_at: int = 0
    is_closed: bool = False
    is_erased: bool = False
    undo: str = ""

    @property
    def is_here(self) -> bool:
        """Say if they have an account that is open."""
        return self.account > 0 and not self.is_closed

    def prove(self) -> Proven:
        """Return what the university's log-in tells of them."""
        kinds = ("student",) if self.is_tied else ("alum",)
        return Proven("feide", self.person, self.name, self.login, kinds, f"mark-{self.person}")

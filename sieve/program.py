"""A script ready to run: closures built once, called for every message."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sieve.interpreter import State

Step = Callable[["State"], None]
Check = Callable[["State"], bool]
Text = Callable[["State"], str]
Texts = Callable[["State"], tuple[str, ...]]
Matcher = Callable[["State", Iterable[str]], bool]


@dataclass(frozen=True, slots=True)
class Program:
    """Safe to keep and to share between threads: a run changes nothing in it.

    Attributes:
        requires: the extensions named by the script, in order.
        start: runs the whole script.
    """

    requires: tuple[str, ...]
    start: Step

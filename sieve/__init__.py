"""The Sieve language (RFC 5228): text, program, actions.  Imports nothing of ours, no I/O."""

from sieve.actions import (
    Action,
    Discard,
    Ereject,
    FileInto,
    Keep,
    Notify,
    Redirect,
    Reject,
    Result,
    Vacation,
)
from sieve.advice import includes, mailboxes, sends_on, warnings
from sieve.interpreter import Program, ScriptRuntimeError, run
from sieve.limits import MAX_REDIRECTS, Options
from sieve.mailto import Mailto, read_mailto
from sieve.message import Address, Field, MessageView, Part, Structured, one_address, read_address
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.printer import print_script
from sieve.tree import Command, SieveTest, Tag
from sieve.validator import capabilities, check_script, compile_script, examine

__all__ = [
    "MAX_REDIRECTS",
    "Action", "Address", "Command", "Discard", "Ereject", "Field", "FileInto", "Keep", "Mailto", "MessageView", "Notify",
    "Options", "Part", "Program",
    "Redirect", "Reject", "Result", "Phrase", "ScriptError", "ScriptRuntimeError", "SieveTest", "Structured", "Tag",
    "Vacation", "capabilities", "check_script", "compile_script", "examine", "includes", "mailboxes",
    "one_address", "print_script",
    "read_address", "read_mailto", "run", "sends_on", "warnings",
]  # fmt: skip

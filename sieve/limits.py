"""Every limit of the Sieve language, in one place.

Steps, not seconds: the same script and message always end the same way, however busy the machine is.
"""

from dataclasses import dataclass

MAX_SCRIPT_OCTETS = 1024 * 1024
MAX_SOURCE_OCTETS = 2 * 1024 * 1024  # of a script and all that it includes, each time anew
MAX_WORDS = (
    50_000  # names, strings, numbers, signs and references to variables of the same; 4,000 rules, or 25,000 addresses
)
MAX_PATTERNS = 500  # regular expressions of a script and all that it includes; each may take a millisecond to make
PATTERN_STEPS = 200  # what one that is made during a run costs
MAX_DEPTH = 32  # blocks and tests within each other; pigeonhole uses the same limit
MAX_NUMBER = 2**63 - 1  # RFC 5228 section 2.4.1 asks for at least 2**31 - 1
MAX_REDIRECTS = 4  # RFC 5228 section 2.10.3
MAX_ACTIONS = 32
MAX_STEPS = 200_000  # commands, tests and compared text; a long honest script needs about 5,000
STEP_CHARACTERS = 512  # so much compared text costs one step
READ_CHARACTERS = 16  # so much text that is cut into words, addresses or dates
PART_OCTETS = 256  # so much of a part that is decoded and freed from markup
SEARCH_STEPS = 20  # what a piece of a :matches pattern with `?` inside costs, which is compiled
QUESTION_STEPS = 100  # what it costs to ask the account, where all is asked once more within the write
MAX_VARIABLES = 128  # RFC 5229 section 6
MAX_VARIABLE_LENGTH = 4000  # octets of UTF-8; RFC 5229 section 6 asks for at least 4,000
MAX_VARIABLE_NAME = 64
MAX_MATCH_VARIABLE = 32  # RFC 5229 section 3.2 asks for 9 at least
MAX_ERRORS = 20  # of one script shown to its author
DEFAULT_VACATION_DAYS = 7  # RFC 5230 section 4.1
MAX_VACATION_DAYS = 365
MAX_FLAGS = 64
MAX_FIELD_OCTETS = 2048  # of one addheader
MAX_EDITS = 64  # header edits of one run
MAX_INCLUDES = 255  # scripts compiled into one
MAX_INCLUDE_DEPTH = 10
MAX_NOTIFICATIONS = 8  # of one run
MAX_LOOPS = 4  # foreverypart within each other
MAX_PART_EDITS = 64  # replace and enclose, of one run
DEFAULT_DUPLICATE_SECONDS = 7 * 86_400  # RFC 7352 section 3.4
MAX_DUPLICATE_SECONDS = 90 * 86_400


@dataclass(frozen=True, slots=True)
class Options:
    """Settings that a site may change."""

    subaddress_delimiters: str = "+"
    max_steps: int = MAX_STEPS
    max_actions: int = MAX_ACTIONS
    max_includes: int = MAX_INCLUDES
    max_include_depth: int = MAX_INCLUDE_DEPTH
    max_notifications: int = MAX_NOTIFICATIONS
    max_variable_length: int = MAX_VARIABLE_LENGTH
    max_field_octets: int = MAX_FIELD_OCTETS
    vacation_min_seconds: int = 0


DEFAULT = Options()

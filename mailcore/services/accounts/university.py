"""The university's user name and password, verified there when somebody orders an account, and saved nowhere.

Whoever guesses is slowed as at any other log-in (services/limits/throttle.py): a name is counted the same here and there.
"""

from mailcore.core import Core
from mailcore.domain import Proven
from mailcore.errors import WrongPassword
from mailcore.services.accounts import affiliations
from mailcore.services.limits import throttle

MOST = (
    10  # failures an hour of one name from one place: the university has a count of its own, which we must not use up
)


def verify_login(core: Core, username: str, password: str, *, peer: str, device: str = "") -> Proven:
    """Verify a user name and password with the university's directory and return the person they prove.  Blocking.

    Args:
        peer, device: as in `throttle.find_lane`.

    Raises:
        WrongPassword: unknown there, wrong, or the tie has ended: counted.
        TemporarilyUnavailable: the directory does not answer; it counts as no failure.
        TooMany: too many failures within an hour.
    """
    name = username.strip().partition("@")[0].lower()
    directory = affiliations.get_directory(core)
    lane = throttle.check_name(core, name, peer=peer, device=device, most=MOST)
    entry = None
    if all(33 <= ord(sign) < 127 for sign in name):  # a directory takes other spellings for the same name
        entry = directory.verify_login(name, password)
    else:
        directory.imitate_check(password)
    if entry is None or entry.has_ended(core.clock.now().date()):
        throttle.record_failure(core, lane, most=MOST)
        raise WrongPassword
    throttle.confirm_lane(core, lane, most=MOST)
    return Proven("directory", entry.person, entry.name, entry.login, entry.kinds)

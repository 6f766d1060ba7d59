"""Files that come by a form and not by mail, put before the same content filters (S29).

Each is written into a message of its own, since filters know nothing else, and that message is thrown away.
"""

from collections.abc import Sequence

from mailcore.core import Core
from mailcore.domain import Envelope, NewFile
from mailcore.mail.writing import composer, entities
from mailcore.mail.writing.composer import Heading
from mailcore.mail.writing.fields_out import NameAddr
from mailcore.services.filtering import scanning


def list_harmful(core: Core, files: Sequence[NewFile], *, peer: str = "") -> list[str]:
    """List the names of the files that a filter refuses; blocking.

    Raises:
        Busy: a filter does not answer, and the settings require it.
    """
    if not scanning.is_on(core.config):
        return []
    return [file.name for file in files if scanning.is_harmful(core, *_wrap(core, file, peer))]


def _wrap(core: Core, file: NewFile, peer: str) -> tuple[Envelope, bytes]:
    desk = f"help@{core.config.domain}"
    heading = Heading(
        NameAddr(desk),
        (NameAddr(desk),),
        "A file for the help desk",
        core.clock.now(),
        f"<upload@{core.config.domain}>",
    )
    parts = [[entities.text("A file from the help form.")], entities.file(file.name, file.type, [file.octets])]
    return Envelope(desk, (desk,), peer=peer), composer.compose(heading, entities.multipart(parts))

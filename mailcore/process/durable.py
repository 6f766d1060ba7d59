"""Names that stay: a file whose octets were synced can still be without its name after a power loss."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make what was created, renamed or linked in the folder durable.  Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

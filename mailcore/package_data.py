"""Data files that come along with a package: texts, catalogues, style sheets."""

from importlib import resources
from pathlib import Path


def folder_of(package: str, name: str) -> Path:
    """Return a folder of data inside a package.

    In a checkout some of them are links to `templates/`, in a wheel they are folders (docs/decisions/017).
    """
    return Path(str(resources.files(package) / name))  # packages are unpacked when they are installed

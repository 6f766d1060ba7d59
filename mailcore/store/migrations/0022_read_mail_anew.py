"""Charsets, addresses and parts are read otherwise: mail from before is read anew."""

from mailcore.store import rereading
from mailcore.store.db import Tx


def migrate(tx: Tx) -> None:
    rereading.begin(tx)

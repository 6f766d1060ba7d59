"""Charsets, addresses and parts are read otherwise: mail from before is read anew."""

from mailcore.store.engine.db import Tx
from mailcore.store.mail import rereading


def migrate(tx: Tx) -> None:
    rereading.begin_rereading(tx)

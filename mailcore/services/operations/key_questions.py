"""Answers of the supervisor to processes that may not read the private keys of DKIM and TLS (process/key_agent.py)."""

from functools import partial
from typing import Any

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.process import key_agent
from mailcore.services import certificates
from mailcore.services.mailauth import dkim_keys
from mailcore.services.operations import shared_files


def list_handlers(config: Config) -> key_agent.Handlers:
    """List what may be asked for, by name."""
    return {
        "current": partial(dkim_keys.current, config),
        "dns_records": partial(dkim_keys.dns_records, config),
        "generations": partial(dkim_keys.generations, config),
        "list_signers": lambda domain: [(name, kind.decode()) for name, kind in dkim_keys.list_signers(config, domain)],
        "read_certificate": partial(certificates.read_certificate_text, config),
        "rotate": partial(_rotate_for_others, config),
        "sign_digest": partial(_sign_digest, config),
    }


def rotate(core: Core, domain: str, *, actor: str) -> dkim_keys.Rotation:
    """Take the next step of a rotation for all nodes, wherever the keys are.

    Raises:
        Busy: the files cannot be written, or nobody answers.
    """
    if key_agent.is_used():
        done = key_agent.ask("rotate", domain, actor)
        return dkim_keys.Rotation(done["made"], done["signs"], tuple(done["removed"]), tuple(done["missing"]))
    with shared_files.changing(core, replace=True):
        return dkim_keys.rotate(core, domain, force=False, actor=actor)


def _rotate_for_others(config: Config, domain: str, actor: str) -> dict[str, Any]:  # Any: JSON
    core = cores.build(config)
    try:
        done = rotate(core, domain, actor=actor)
    finally:
        cores.close(core)
    return {"made": done.made, "signs": done.signs, "removed": done.removed, "missing": done.missing}


def _sign_digest(config: Config, domain: str, selector: str, digest: str) -> str:
    if not selector.isalnum() or len(digest) != 64:
        raise ValueError("no key of ours, or no SHA-256")
    return dkim_keys.sign_digest(config, domain, selector, bytes.fromhex(digest)).hex()

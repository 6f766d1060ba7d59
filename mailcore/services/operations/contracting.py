"""The second half of a change of the schema on a cluster that runs: what only older programs use is taken away."""

from functools import partial
from importlib.metadata import version

from mailcore.core import Core
from mailcore.errors import ConfigError
from mailcore.store.migrations import runner
from mailcore.store.site import nodes


def list_waiting(core: Core) -> list[str]:
    """List the migrations that wait until no node of an older version is there."""
    return runner.list_contracts(core.db.read(runner.names_ran))


def contract(core: Core) -> list[str]:
    """Run the migrations that have waited, and return their names.

    Raises:
        ConfigError: a node of another version runs, or was heard of lately.
        Busy: one failed, of which nothing is left.
    """
    own, silent = version("alumnimail"), core.config.cluster.silent_seconds
    others = [one for one in core.db.read(nodes.list_nodes) if one.version != own and one.silent_seconds <= silent]
    if others:
        named = ", ".join(f"{one.name} ({one.version})" for one in others)
        raise ConfigError(f"nodes of another version than {own} run: {named}; start them anew with this one first")
    done: list[str] = []
    for name in list_waiting(core):
        with runner.explaining(name):
            core.db.write(partial(runner.run_migration, name=name, at=core.clock.seconds()))
        done.append(name)
    return done

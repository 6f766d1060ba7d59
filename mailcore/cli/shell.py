"""`alumnimail shell`: Python with everything at hand, or the database in a browser."""

import code
import os
import sys
from pathlib import Path

import click

from mailcore import core as cores
from mailcore.config import Config
from mailcore.store.schema.tables import all_models

BANNER = (
    "core, core.db.read(fn), core.db.write(fn); the peewee models read this database ({names} ...).\n"
    "Mail is changed through core: models know nothing of the change log."
)


@click.command()
@click.option("--sql", is_flag=True, help="Show the database in a browser (sqlite-web, on loopback).")
@click.option("--port", type=click.IntRange(1, 65535), default=8081, help="Port on which --sql listens.")
@click.pass_context
def shell(context: click.Context, sql: bool, port: int) -> None:
    """Start a Python shell with `core` and the peewee models at hand."""
    config: Config = context.obj["config"]
    core = cores.build(config)
    if sql:
        cores.close(core)
        program = str(Path(sys.executable).with_name("sqlite_web"))
        click.echo(f"http://127.0.0.1:{port}, until Ctrl-C")
        sys.stdout.flush()
        os.execv(  # noqa: S606 - installed beside us
            program, [program, "--host", "127.0.0.1", "--port", str(port), "--no-browser", str(config.database_path)]
        )
    models = {model.__name__: model for model in all_models()}
    try:
        with core.db.peewee_database().bind_ctx(list(models.values()), bind_refs=False, bind_backrefs=False):
            names = ", ".join(sorted(models)[:8])
            code.interact(BANNER.format(names=names), local={"core": core, **models}, exitmsg="")
    finally:
        cores.close(core)

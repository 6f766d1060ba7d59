"""The portal for a WSGI server: `gunicorn wsgi:app`."""

from mailcore import core, memory
from mailcore.config_file import load_config
from portal import create_app

memory.settle()
app = create_app(core.build(load_config()))

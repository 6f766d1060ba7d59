"""The portal for a WSGI server: `gunicorn wsgi:app`."""

from mailcore import core
from mailcore.config import load_config
from portal import create_app

app = create_app(core.build(load_config()))

"""The portal for a WSGI server of yours: `gunicorn wsgi:app`.  `alumnimail serve` has one of its own."""

from mailcore import core
from mailcore.config_file import load_config
from mailcore.process import malloc
from portal import create_app

malloc.configure()
app = create_app(core.build(load_config()))

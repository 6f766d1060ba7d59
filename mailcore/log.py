"""Logging: one line a happening on stderr.  Never message text, passwords or whole addresses."""

import logging
import sys


def log_for(name: str) -> logging.Logger:
    return logging.getLogger(name)


def start_logging(level: str = "INFO") -> None:
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(process)d %(name)s %(message)s"
    )
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells each command, with addresses
    logging.getLogger("dkimpy").setLevel(logging.CRITICAL)  # it calls what strangers write an error, with their fields

"""Where log lines go: stderr, one format, levels from the settings."""

import logging

from common.config import Settings


def configure_logging(settings: Settings) -> None:
    """Give the root logger a handler, unless it has one, and SQLAlchemy's engine the level that was asked for."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    logging.getLogger("sqlalchemy.engine").setLevel(settings.sqlalchemy_log_level)

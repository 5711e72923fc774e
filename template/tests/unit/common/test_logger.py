import logging

import pytest

from common.config import Settings
from common.logger import configure_logging


@pytest.mark.parametrize("level", ["INFO", "WARNING"])
def test_the_settings_decide_whether_sql_is_logged(level: str) -> None:
    configure_logging(Settings.model_validate({"sqlalchemy_log_level": level}))

    assert logging.getLogger("sqlalchemy.engine").getEffectiveLevel() == getattr(logging, level)

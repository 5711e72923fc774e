import orjson
import pytest
from pydantic import SecretStr
from sqlalchemy import AsyncAdaptedQueuePool, NullPool

from src.common.config import Settings
from src.db.connection import address, create_engine, create_single_use_engine

URL = "postgresql+asyncpg://service:s3cret@db.internal:6543/orders"
SETTINGS = Settings(database_url=SecretStr(URL), database_pool_size=3)


def test_the_pool_has_the_size_that_the_settings_name() -> None:
    pool = create_engine(SETTINGS).pool

    assert isinstance(pool, AsyncAdaptedQueuePool)
    assert (pool.size(), pool._max_overflow) == (3, 0)


def test_a_single_use_engine_keeps_no_connection() -> None:
    assert isinstance(create_single_use_engine(SETTINGS, server_settings={}).pool, NullPool)


@pytest.mark.parametrize("engine", [create_engine(SETTINGS), create_single_use_engine(SETTINGS, server_settings={})])
def test_both_engines_store_documents_in_the_same_way(engine: object) -> None:
    dialect = engine.dialect  # type: ignore[attr-defined]  # an AsyncEngine; parametrize erases it

    assert dialect._json_deserializer is orjson.loads
    assert dialect._json_serializer({"a": [1, "ü"]}) == '{"a":[1,"ü"]}'


def test_an_address_has_no_user_and_no_password() -> None:
    assert address(SETTINGS.direct_url) == "db.internal:6543/orders"


def test_the_address_of_a_socket_is_its_folder() -> None:
    settings = Settings(database_url=SecretStr("postgresql+asyncpg://u@/d?host=/run/socket"))

    assert address(settings.direct_url) == "/run/socket:5432/d"


@pytest.mark.parametrize(("environment", "is_hidden"), [("production", True), ("development", False)])
def test_production_logs_no_values(environment: str, *, is_hidden: bool) -> None:
    settings = Settings.model_validate({"environment": environment, "database_url": URL, "access": "open"})

    assert create_engine(settings).sync_engine.hide_parameters is is_hidden

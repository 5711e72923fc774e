import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from src.common.config import ConfigurationError, Settings, get_settings, settings_or_exit
from src.common.database_url import asyncpg_url

PRODUCTION_URL = "postgresql+asyncpg://service:s3cret@db.internal/cos"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("no_dotenv_here"))
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    get_settings.cache_clear()


def test_development_needs_no_configuration() -> None:
    settings = Settings()

    assert settings.environment == "development"
    assert settings.sqlalchemy_url.render_as_string() == "postgresql+asyncpg://cos_user:***@127.0.0.1:5433/cos_db"
    assert not settings.database_is_named


def test_the_environment_wins_over_dotenv(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("SQLALCHEMY_LOG_LEVEL=INFO\nDATABASE_POOL_SIZE=7\n")
    monkeypatch.setenv("DATABASE_POOL_SIZE", "9")

    settings = Settings()

    assert (settings.sqlalchemy_log_level, settings.database_pool_size) == ("INFO", 9)


def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")

    assert not Settings().database_is_named


def test_production_runs_with_a_password_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("DATABASE_URL", PRODUCTION_URL)
    monkeypatch.setenv("ACCESS", "open")

    assert settings_or_exit().is_production


@pytest.mark.parametrize("url", [None, "postgresql://cos_user:cos_pass@db/cos", "postgresql://service@db/cos"])
def test_production_refuses_development_defaults(monkeypatch: pytest.MonkeyPatch, url: str | None) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    if url:
        monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(ConfigurationError, match="DATABASE_URL .* production"):
        get_settings()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:***@h/d"),
        ("postgresql://u:p@h:1/d?sslmode=require", "postgresql+asyncpg://u:***@h:1/d?ssl=require"),
        ("postgresql+asyncpg://u@/d?host=/run/socket", "postgresql+asyncpg://u@/d?host=%2Frun%2Fsocket"),
    ],
)
def test_addresses_are_taken_as_hosting_platforms_write_them(given: str, meant: str) -> None:
    assert asyncpg_url(given).render_as_string() == meant


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("DATABASE_URL", "not a url", "DATABASE_URL must look like"),
        ("DATABASE_URL", "mysql://u:s3cret@h/d", "DATABASE_URL must begin with"),
        ("DATABASE_URL", "postgresql://u:s3cret@h", "DATABASE_URL must end in"),
        ("DATABASE_URL", "postgresql://u:s3cret@h:port/d", "DATABASE_URL must look like"),
        ("DATABASE_URL", "postgresql://u:s3cret@h/d?tcp=1", "DATABASE_URL has options"),
        ("ENVIRONMENT", "prod", "ENVIRONMENT Input should be"),
        ("DATABASE_POOL_SIZE", "many", "DATABASE_POOL_SIZE Input should be"),
        ("DATABASE_URL", "postgresql://u:s3cret@tail@h/d", "DATABASE_URL has one @ too many"),
        ("DATABASE_URL", "postgresql://u:s3cret@h/d?host=a&host=b", "DATABASE_URL has options"),
        ("DATABASE_URL", "postgresql://u:s3cret@h/d?sslmode=s3cret", "DATABASE_URL must have one of these"),
        ("DATABASE_URL", "postgresql://u:s3cret@h:99999/d", "DATABASE_URL must have a port"),
        ("DATABASE_URL", "postgresql://u:s3cret@/d?port=abc", "DATABASE_URL must have a port"),
        ("DATABASE_URL", f"postgresql://u:s3cret@{'h' * 64}/d", "DATABASE_URL must name a host"),
        ("NEO4J_URI", "http://h:7474", "NEO4J_URI must look like bolt://host:7687"),
        ("NEO4J_URI", "bolt://h:port", "NEO4J_URI must have a number as its port"),
        ("NEO4J_URI", "bolt://u:s3cret@h", "NEO4J_URI has user, password or database in it"),
        ("NEO4J_CA_FILE", "/nothing/here.pem", "NEO4J_CA_FILE names no file"),
        ("MEM0_SCHEMA", "mem0; drop", "MEM0_SCHEMA String should match"),
        ("MEM0_SCHEMA", "public", "MEM0_SCHEMA String should match"),
        ("MEM0_SCHEMA", "mem0_{module}{module}", "MEM0_SCHEMA String should match"),
        ("L1_RETENTION_DAYS", "0", "L1_RETENTION_DAYS Input should be"),
        ("PURGE_INTERVAL_S", "-1", "PURGE_INTERVAL_S Input should be"),
        ("TRACING", "loud", "TRACING Input should be"),
        ("TRACE_HEAD_RATE", "1.1", "TRACE_HEAD_RATE Input should be"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT Input should be"),
        ("SERVICE_NAME", "my service", "SERVICE_NAME String should match"),
        ("SQLALCHEMY_LOG_LEVEL", "LOUD", "SQLALCHEMY_LOG_LEVEL Input should be"),
    ],
)
def test_a_wrong_setting_ends_the_process_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, rule: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as end:
        settings_or_exit()

    sentence = str(end.value)
    assert sentence.startswith(f"Configuration: {rule}")
    assert sentence.endswith("Correct it in the environment or in .env (see .env.example).")
    assert "s3cret" not in sentence


@pytest.mark.parametrize("scheme", ["bolt", "neo4j", "bolt+ssc", "neo4j+ssc"])
def test_a_certificate_authority_without_verified_tls_is_refused(tmp_path: Path, scheme: str) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()

    with pytest.raises(ValidationError, match=r"NEO4J_CA_FILE is for bolt\+s:// and neo4j\+s://"):
        Settings(neo4j_uri=f"{scheme}://h:7687", neo4j_ca_file=str(ca))


def test_a_dotenv_that_is_not_text_is_refused() -> None:
    Path(".env").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match="not UTF-8"):
        get_settings()


def test_one_scratch_schema_for_several_modules_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEM0_SCHEMA", "mem0")

    assert settings_or_exit(modules=1).mem0_schema == "mem0"
    with pytest.raises(SystemExit, match="MEM0_SCHEMA is one name for several modules"):
        settings_or_exit(modules=2)


DIRECT = "postgresql://service:s3cret@db/cos"
POOLER = "postgresql://service:s3cret@pgbouncer:6432/cos"


@pytest.mark.parametrize(
    ("pooler", "direct", "rule"),
    [
        (None, DIRECT, "DATABASE_DIRECT_URL needs a DATABASE_URL beside it"),
        (DIRECT, DIRECT, "must be the address of PostgreSQL itself"),
        (
            DIRECT,
            DIRECT.replace("postgresql", "postgres"),
            "DATABASE_DIRECT_URL must be the address of PostgreSQL itself",
        ),
        (POOLER, "mysql://u:s3cret@h/d", "database_direct_url\n.*must begin with"),
    ],
)
def test_a_wrong_direct_address_is_refused(pooler: str | None, direct: str, rule: str) -> None:
    with pytest.raises(ValidationError, match=rule) as refusal:
        Settings.model_validate({"database_direct_url": direct, **({"database_url": pooler} if pooler else {})})

    assert "s3cret" not in str(refusal.value)


def test_a_direct_address_needs_a_password_in_production() -> None:
    given = {"environment": "production", "access": "open", "database_url": POOLER}

    with pytest.raises(ValidationError, match="DATABASE_DIRECT_URL needs a password of its own"):
        Settings.model_validate({**given, "database_direct_url": "postgresql://service@db/cos"})


def test_without_a_pooler_the_direct_address_is_that_of_the_database() -> None:
    alone = Settings.model_validate({"database_url": DIRECT})
    pooled = Settings.model_validate({"database_url": POOLER, "database_direct_url": DIRECT})

    assert (alone.is_pooled, alone.direct_url.host) == (False, "db")
    assert (pooled.is_pooled, pooled.direct_url.host, pooled.sqlalchemy_url.host) == (True, "db", "pgbouncer")


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "prod")
    monkeypatch.setenv("DATABASE_POOL_SIZE", "0")

    with pytest.raises(ConfigurationError, match="ENVIRONMENT .*; DATABASE_POOL_SIZE "):
        get_settings()


def test_no_secret_is_printed() -> None:
    with pytest.raises(ValidationError) as wrong:
        Settings.model_validate({"environment": "production", "database_url": "postgresql://u:cos_pass@h/d"})

    assert "cos_pass@" not in repr(Settings()) + str(wrong.value)


@pytest.mark.parametrize(
    ("pattern", "schema"),
    [("mem0_{module}", "mem0_order_desk"), ("mem0", "mem0"), ("mem0_{module}_0", "mem0_order_desk_0")],
)
def test_the_scratch_schema_of_a_module_follows_the_pattern(
    monkeypatch: pytest.MonkeyPatch, pattern: str, schema: str
) -> None:
    monkeypatch.setenv("MEM0_SCHEMA", pattern)

    assert Settings().mem0_schema_of("order_desk") == schema


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}, "http://collector:4318/v1/traces"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b/traces"},
            "http://b/traces",
        ),
    ],
)
def test_the_address_of_a_collector_is_read_as_opentelemetry_does(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], address: str | None
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    assert Settings().otlp_endpoint("traces") == address


@pytest.mark.parametrize("name", ["SERVICE_NAME", "OTEL_SERVICE_NAME"])
def test_a_service_is_named_in_either_way(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "orders")

    assert Settings().service_name == "orders"


PRODUCTION = {"environment": "production", "database_url": PRODUCTION_URL}
GUARDED = {"oidc_issuer": "https://login.example.com", "oidc_audience": "cos"}
DEV_TOKEN = {"sha256": "0" * 64, "subject": "ana", "audience": "cos"}


@pytest.mark.parametrize(
    ("given", "is_open"),
    [
        ({}, True),
        ({"environment": "test"}, True),
        (GUARDED, False),
        ({"dev_tokens": [DEV_TOKEN], "oidc_audience": "cos"}, False),
        (GUARDED | {"access": "open"}, True),
        (PRODUCTION | GUARDED, False),
        (PRODUCTION | {"access": "open"}, True),
    ],
)
def test_the_api_is_open_in_development_or_where_it_is_said(given: dict[str, Any], *, is_open: bool) -> None:
    assert Settings.model_validate(given).is_open is is_open


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (PRODUCTION, "OIDC_ISSUER must be set in production; ACCESS=open lets everybody"),
        (PRODUCTION | GUARDED | {"dev_tokens": [DEV_TOKEN]}, "DEV_TOKENS are refused in production"),
        (PRODUCTION | GUARDED | {"oidc_issuer": "http://login"}, "must begin with https:// in production"),
        (PRODUCTION | GUARDED | {"oidc_jwks_url": "http://keys"}, "must begin with https:// in production"),
        ({"oidc_issuer": "https://login"}, "OIDC_AUDIENCE must name"),
        ({"dev_tokens": [DEV_TOKEN]}, "OIDC_AUDIENCE must name"),
        (GUARDED | {"oidc_audience": " , "}, "OIDC_AUDIENCE must name"),
        (GUARDED | {"oidc_issuer": "login.example.com"}, "must be an address"),
        (GUARDED | {"oidc_issuer": "https://login?x=1"}, "must be an address"),
        (GUARDED | {"oidc_issuer": "file:///issuer"}, "must be an address"),
        (GUARDED | {"oidc_jwks_url": "ftp://keys"}, "must be an address"),
        ({"public_url": 'https://a"b'}, "must be an address"),
        (GUARDED | {"oidc_leeway_s": 301}, "less than or equal to 300"),
        ({"access": "closed"}, "Input should be 'auto' or 'open'"),
        (GUARDED | {"dev_tokens": [DEV_TOKEN | {"sha256": "short"}]}, "should match pattern"),
        (GUARDED | {"dev_tokens": [DEV_TOKEN | {"subject": "a\0"}]}, "should match pattern"),
        (GUARDED | {"dev_tokens": [DEV_TOKEN | {"token": "plain"}]}, "Extra inputs are not permitted"),
    ],
)
def test_settings_of_access_that_make_no_sense_are_refused(given: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        Settings.model_validate(given)


@pytest.mark.parametrize("given", ["s3cret", "[", '{"s3cret": 1}', '["s3cret"]', "7"])
def test_development_tokens_that_cannot_be_read_are_not_repeated(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("DEV_TOKENS", given)
    monkeypatch.setenv("OIDC_AUDIENCE", "cos")

    with pytest.raises(ConfigurationError, match="DEV_TOKENS") as fault:
        get_settings()

    assert "s3cret" not in str(fault.value)


def test_access_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_ISSUER", "https://login.example.com/")
    monkeypatch.setenv("OIDC_AUDIENCE", "https://cos.example.com, cos")
    monkeypatch.setenv("PUBLIC_URL", "https://cos.example.com/")
    monkeypatch.setenv("DEV_TOKENS", json.dumps([{**DEV_TOKEN, "scopes": ["a:read"]}]))

    settings = get_settings()

    assert settings.oidc_issuer == "https://login.example.com/"
    assert settings.oidc_audience == ("https://cos.example.com", "cos")
    assert settings.public_url == "https://cos.example.com"
    assert settings.dev_tokens[0].scopes == ("a:read",)
    assert not settings.is_open

"""All configuration, from the environment and `.env`; no other file of the project reads them."""

import json
import os
import re
import sys
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict
from sqlalchemy import URL, make_url

from src.common.database_url import asyncpg_url, neo4j_uri

DEVELOPMENT_DATABASE_URL = "postgresql+asyncpg://cos_user:cos_pass@127.0.0.1:5433/cos_db"
MEM0_SCHEMA_PATTERN = r"^mem0[a-z0-9_]*(\{module\}[a-z0-9_]*)?$"  # never equal to a module's own schema
SERVICE_NAME_PATTERN = r"^[A-Za-z0-9._-]{0,64}$"
ADDRESS = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?")
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9.:\[\]-]+")
HOST_PATTERN = re.compile(r"(\*\.)?[A-Za-z0-9.-]+|\[[0-9a-f:]+\]")
SERVICE_NAME_VARIABLES = AliasChoices("service_name", "otel_service_name")

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
Signal = Literal["traces", "metrics"]
Tracing = Literal["on", "fastapi", "logfire", "off"]


class ConfigurationError(Exception):
    """A setting is missing or wrong; the message says what to set, and never a secret."""


class DevToken(BaseModel):
    """A token for development, known by its hash alone: `printf %s "$TOKEN" | sha256sum`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    subject: str = Field(min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")
    audience: str
    scopes: tuple[str, ...] = ()


class Settings(BaseSettings):
    """The settings of one process; the environment has the same names in upper case."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    environment: Literal["development", "test", "production"] = "development"
    database_url: SecretStr = SecretStr(DEVELOPMENT_DATABASE_URL)
    database_direct_url: SecretStr | None = None
    # Python uses one core of a process, and a statement occupies its connection for a part of a request only: eight
    # connections keep that core busy with 32 clients; four or sixteen serve fewer requests a second. With the writer's,
    # a process takes nine of the 97 connections that PostgreSQL has for services by default: enough for ten processes.
    database_pool_size: int = Field(default=8, ge=1, le=1000)
    web_concurrency: int = Field(default=1, ge=1, le=1000)
    mem0_schema: str = Field(default="mem0_{module}", pattern=MEM0_SCHEMA_PATTERN, max_length=40)
    l1_retention_days: int = Field(default=90, ge=1, le=36_500)
    purge_interval_s: int = Field(default=0, ge=0, le=7 * 86_400)
    sqlalchemy_log_level: LogLevel = "WARNING"

    redis_url: SecretStr | None = None
    redis_pool_size: int = Field(default=32, ge=1, le=1000)
    redis_sharded: bool = False

    neo4j_uri: str | None = None
    neo4j_user: str = "neo4j"
    neo4j_password: SecretStr | None = None
    neo4j_database: str = Field(default="neo4j", min_length=1)
    neo4j_ca_file: str | None = None
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    cors_credentials: bool = False
    trusted_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    hsts_max_age_s: int = Field(default=0, ge=0, le=2 * 366 * 86_400)
    docs: Literal["auto", "on", "off"] = "auto"
    body_limit_bytes: int = Field(default=1024 * 1024, ge=1024, le=100 * 1024 * 1024)
    body_timeout_s: float = Field(default=10.0, gt=0, le=600)
    statement_timeout_ms: int = Field(default=1400, ge=100, le=600_000)

    access: Literal["auto", "open"] = "auto"
    public_url: str = ""
    oidc_issuer: str = ""
    oidc_audience: Annotated[tuple[str, ...], NoDecode] = ()
    oidc_jwks_url: str = ""
    oidc_leeway_s: int = Field(default=30, ge=0, le=300)
    dev_tokens: Annotated[tuple[DevToken, ...], NoDecode] = ()

    mcp_write_tools: bool = True
    mcp_calls_per_minute: int = Field(default=0, ge=0, le=1_000_000)

    log_level: LogLevel = "INFO"
    log_format: Literal["auto", "json", "console"] = "auto"

    prometheus: bool = False
    service_name: str = Field(default="", pattern=SERVICE_NAME_PATTERN, validation_alias=SERVICE_NAME_VARIABLES)
    tracing: Tracing = "on"
    trace_head_rate: float = Field(default=1.0, ge=0, le=1)
    trace_slow_ms: int = Field(default=1000, ge=0)
    traceparent_trusted: bool = False
    logfire_token: SecretStr | None = None
    logfire_base_url: str | None = None
    # The exporters read these and all other OTEL_ variables themselves; here they decide whether there is an exporter.
    otel_exporter_otlp_endpoint: SecretStr | None = None
    otel_exporter_otlp_traces_endpoint: SecretStr | None = None
    otel_exporter_otlp_metrics_endpoint: SecretStr | None = None
    otel_bsp_max_queue_size: int = Field(default=20_000, ge=1000, le=1_000_000)

    @field_validator("database_url", "database_direct_url")
    @classmethod
    def _use_asyncpg(cls, given: SecretStr | None) -> SecretStr | None:
        return given and SecretStr(asyncpg_url(given.get_secret_value()).render_as_string(hide_password=False))

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, given: SecretStr | None) -> SecretStr | None:
        if given and not given.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://, or rediss:// for TLS, or unix://")
        try:
            _ = urlsplit(given.get_secret_value()).port if given else None
        except ValueError:
            raise ValueError("must have a number as its port; write / ? # in a password as %2F %3F %23") from None
        return given

    @field_validator("neo4j_uri")
    @classmethod
    def _check_neo4j_uri(cls, given: str | None) -> str | None:
        return neo4j_uri(given) if given else None

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [origin for origin in given if origin != "*" and not ORIGIN.fullmatch(origin)]:
            raise ValueError(
                f"lists {wrong[0][:100]!r}; an origin is scheme://host or scheme://host:port, or * for all"
            )
        return given

    @field_validator("trusted_hosts")
    @classmethod
    def _check_hosts(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [host for host in given if not HOST_PATTERN.fullmatch(host)]:
            raise ValueError(f"lists {wrong[0][:100]!r}; write api.example.com, or *.example.com, without a port")
        return given

    @field_validator("oidc_audience", "cors_origins", "trusted_hosts", mode="before")
    @classmethod
    def _split_list(cls, given: object) -> object:
        return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given

    @field_validator("dev_tokens", mode="before")
    @classmethod
    def _read_dev_tokens(cls, given: object) -> object:
        try:
            return json.loads(given) if isinstance(given, str) else given
        except ValueError:
            raise ValueError("must be a list in JSON, as .env.example shows it") from None

    @field_validator("public_url", "oidc_issuer")
    @classmethod
    def _check_address(cls, given: str) -> str:
        if given and not ADDRESS.fullmatch(given):
            raise ValueError("must be an address such as https://login.example.com, without a query")
        return given

    @field_validator("public_url")
    @classmethod
    def _strip_slash(cls, given: str) -> str:
        return given.rstrip("/")

    @field_validator("oidc_jwks_url")
    @classmethod
    def _check_jwks_url(cls, given: str) -> str:
        if given and not (ADDRESS.fullmatch(given) or given.startswith("file:///")):
            raise ValueError(
                "must be an address such as https://login.example.com/keys, or a file:///path/of/keys.json"
            )
        return given

    @model_validator(mode="after")
    def _refuse_credentials_for_all_origins(self) -> Self:
        if self.cors_credentials and "*" in self.cors_origins:
            raise ValueError(
                "CORS_CREDENTIALS needs the origins by name; * in CORS_ORIGINS would let every page use them"
            )
        return self

    @model_validator(mode="after")
    def _refuse_development_defaults(self) -> Self:
        if self.is_production and not self.database_is_named:
            raise ValueError("DATABASE_URL must be set in production; the development default is refused")
        for name, url in (("DATABASE_URL", self.sqlalchemy_url), ("DATABASE_DIRECT_URL", self.direct_url)):
            if self.is_production and url.password in (None, "", "cos_pass"):
                raise ValueError(f"{name} needs a password of its own in production, neither empty nor `cos_pass`")
        return self

    @model_validator(mode="after")
    def _check_direct_url(self) -> Self:
        if self.is_pooled and not self.database_is_named:
            raise ValueError("DATABASE_DIRECT_URL needs a DATABASE_URL beside it, the address of PgBouncer")
        if self.is_pooled and self.direct_url == self.sqlalchemy_url:
            raise ValueError("DATABASE_DIRECT_URL must be the address of PostgreSQL itself, not that of DATABASE_URL")
        return self

    @model_validator(mode="after")
    def _check_neo4j_ca_file(self) -> Self:
        if self.neo4j_ca_file and not Path(self.neo4j_ca_file).is_file():
            raise ValueError("NEO4J_CA_FILE names no file; write the path of a certificate in PEM")
        if self.neo4j_ca_file and "+s:" not in (self.neo4j_uri or "+s:"):
            raise ValueError("NEO4J_CA_FILE is for bolt+s:// and neo4j+s://; write NEO4J_URI so, or remove it")
        return self

    @model_validator(mode="after")
    def _check_access(self) -> Self:
        if (self.oidc_issuer or self.dev_tokens) and not self.oidc_audience:
            raise ValueError("OIDC_AUDIENCE must name the audience of this service's tokens")
        if self.is_production and self.dev_tokens:
            raise ValueError("DEV_TOKENS are refused in production; remove them and set OIDC_ISSUER")
        if self.is_production and not self.oidc_issuer and self.access != "open":
            raise ValueError("OIDC_ISSUER must be set in production; ACCESS=open lets everybody read and write instead")
        insecure = [url for url in (self.oidc_issuer, self.oidc_jwks_url) if url.startswith("http:")]
        if self.is_production and insecure:
            raise ValueError("OIDC_ISSUER and OIDC_JWKS_URL must begin with https:// in production")
        return self

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @property
    def is_open(self) -> bool:
        """Whether requests need no token: because ACCESS says so, or in development without an issuer."""
        is_guarded = self.is_production or self.oidc_issuer or self.dev_tokens
        return self.access == "open" or not is_guarded

    @property
    def has_docs(self) -> bool:
        """Whether /docs, /redoc and /openapi.json are served; by default not in production."""
        return self.docs == "on" or (self.docs == "auto" and not self.is_production)

    @property
    def database_is_named(self) -> bool:
        """Whether the environment or `.env` sets DATABASE_URL."""
        return "database_url" in self.model_fields_set

    @property
    def sqlalchemy_url(self) -> URL:
        """The address of the database; its `repr` hides the password."""
        return make_url(self.database_url.get_secret_value())

    @property
    def is_pooled(self) -> bool:
        """Whether DATABASE_URL names a PgBouncer in transaction mode."""
        return self.database_direct_url is not None

    @property
    def direct_url(self) -> URL:
        """The address of PostgreSQL itself, also where DATABASE_URL names a PgBouncer."""
        return make_url((self.database_direct_url or self.database_url).get_secret_value())

    @property
    def l1_retention(self) -> timedelta:
        """The age from which a record may be deleted."""
        return timedelta(days=self.l1_retention_days)

    def otlp_endpoint(self, signal: Signal) -> str | None:
        """Return where the signal goes: its own endpoint, else a path below the common one, as OpenTelemetry has it."""
        own = {"traces": self.otel_exporter_otlp_traces_endpoint, "metrics": self.otel_exporter_otlp_metrics_endpoint}
        if endpoint := own[signal]:
            return endpoint.get_secret_value()
        if self.otel_exporter_otlp_endpoint:
            return f"{self.otel_exporter_otlp_endpoint.get_secret_value().rstrip('/')}/v1/{signal}"
        return None

    def mem0_schema_of(self, module: str) -> str:
        """Return the schema of a module's scratch memory."""
        return self.mem0_schema.replace("{module}", module)


@cache
def get_settings() -> Settings:
    """Return the settings of the process, read once.

    Raises:
        ConfigurationError: A setting is missing or wrong; every one is named.
    """
    try:
        return Settings()
    except UnicodeDecodeError:
        raise ConfigurationError("The file .env is not UTF-8. Save it as UTF-8.") from None
    except ValidationError as invalid:
        faults = "; ".join(_sentence(fault["loc"], fault["msg"]) for fault in invalid.errors(include_url=False))
        raise ConfigurationError(f"{faults}. Correct it in the environment or in .env (see .env.example).") from None


def export_otel_variables() -> None:
    """Copy the OTEL_ variables of `.env` into the environment, the only place where OpenTelemetry reads them."""
    for name, value in DotEnvSettingsSource(Settings).env_vars.items():
        if name.startswith("otel_") and value:
            os.environ.setdefault(name.upper(), value)


def settings_or_exit(*, modules: int = 1) -> Settings:
    """Return the settings of a process with this number of modules; end it with one sentence if they are wrong."""
    try:
        settings = get_settings()
    except ConfigurationError as wrong:
        sys.exit(f"Configuration: {wrong}")
    if modules > 1 and "{module}" not in settings.mem0_schema:
        sys.exit(
            "Configuration: MEM0_SCHEMA is one name for several modules. Put {module} into it, as in mem0_{module}."
        )
    return settings


def _sentence(location: tuple[int | str, ...], rule: str) -> str:
    return " ".join([*(str(part).upper() for part in location), rule.removeprefix("Value error, ")])

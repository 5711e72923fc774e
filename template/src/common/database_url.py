"""The addresses of PostgreSQL, in the form that SQLAlchemy's asyncpg dialect needs, and of Neo4j."""

from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

ASYNCPG_URL_OPTIONS = {"host", "port", "ssl"}
SSL_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
PORT_MAX = 65535
NEO4J_SCHEMES = {scheme + tls for scheme in ("bolt", "neo4j") for tls in ("", "+s", "+ssc")}


def asyncpg_url(given: str) -> URL:
    """Return the address in the form that SQLAlchemy's asyncpg dialect needs; hosting platforms use several forms.

    Raises:
        ValueError: It is not the address of one PostgreSQL database.
    """
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        raise ValueError("must look like postgresql+asyncpg://user:password@host:port/database") from None
    if url.drivername not in ("postgresql+asyncpg", "postgresql", "postgres"):
        raise ValueError("must begin with postgresql+asyncpg://, because asyncpg is the driver")
    if not url.database:
        raise ValueError("must end in the name of a database")
    options: dict[str, Any] = {"ssl" if key == "sslmode" else key: value for key, value in url.query.items()}
    if options.keys() - ASYNCPG_URL_OPTIONS or not all(isinstance(value, str) for value in options.values()):
        raise ValueError("has options that asyncpg does not know; host, port and sslmode are known, once each")
    if options.get("ssl", "require") not in SSL_MODES:
        raise ValueError(f"must have one of these as its sslmode: {', '.join(sorted(SSL_MODES))}")
    _check_host_and_port(url.host or "", str(url.port or options.get("port", "5432")))
    return url.set(drivername="postgresql+asyncpg", query=options)


def neo4j_uri(given: str) -> str:
    """Return the address of a Neo4j as it was given.

    Raises:
        ValueError: The driver would not take it, or there is more in it than scheme, host and port.
    """
    try:
        parts = urlsplit(given)
        _ = parts.port
    except ValueError:
        raise ValueError("must have a number as its port") from None
    if parts.scheme not in NEO4J_SCHEMES or not parts.hostname:
        raise ValueError("must look like bolt://host:7687 or neo4j://host:7687; +s after the scheme is TLS")
    if parts.username or parts.password or parts.path.strip("/"):
        raise ValueError("has user, password or database in it; set NEO4J_USER, NEO4J_PASSWORD, NEO4J_DATABASE")
    return given


def _check_host_and_port(host: str, port: str) -> None:
    if "@" in host:
        raise ValueError("has one @ too many; write an @ in a password as %40")
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError("must name a host whose parts have 1 to 63 characters") from None
    if not port.isdecimal() or not 1 <= int(port) <= PORT_MAX:
        raise ValueError(f"must have a port from 1 to {PORT_MAX}")

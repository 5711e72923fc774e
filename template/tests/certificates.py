"""A certificate authority, and a server's certificate of it, made for a test."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

CA = "ca.pem"
CERTIFICATE = "public.crt"  # Neo4j's names of the two
KEY = "private.key"


def make_certificates(folder: Path) -> None:
    """Write an authority's certificate, and the certificate and key of a server named localhost, valid for a day."""
    authority_key, server_key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    authority = _signed("authority", authority_key, "authority", authority_key)
    server = _signed("server", server_key, "authority", authority_key, host="localhost")
    key = server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CA).write_bytes(authority.public_bytes(Encoding.PEM))
    (folder / CERTIFICATE).write_bytes(server.public_bytes(Encoding.PEM))
    (folder / KEY).write_bytes(key)


def _signed(
    name: str,
    key: EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: EllipticCurvePrivateKey,
    host: str | None = None,
) -> x509.Certificate:
    """Return a certificate: an authority's, unless it names a host."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
    )
    if host:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

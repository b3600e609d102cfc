"""The template's sslmode against a real PostgreSQL: it never falls back to an unverified server."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support import postgres
from tests.support.cloudformation import BALANCED, Made
from tests.support.server import free_port

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(postgres.missing() is not None, reason=str(postgres.missing())),
]
NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Signed:
    """A key, and its certificate by itself or by another one."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def signed(name: str, by: Signed | None = None, days: int = 2) -> Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=9))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(by.key if by else key, hashes.SHA256())
    )
    return Signed(key, certificate)


@dataclass(frozen=True)
class TlsServer:
    server: postgres.Server
    port: int

    def trust(self, authority: Signed, days: int = 2, name: str = "localhost") -> None:
        """Let the server present a certificate for `name`, signed by the authority."""
        own = signed(name, authority, days)
        key = own.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        data = self.server.folder / "data"
        for file, content in (("server.crt", own.pem), ("server.key", key)):
            (data / file).write_bytes(content)
            (data / file).chmod(0o600)
            owner = data.stat()
            os.chown(data / file, owner.st_uid, owner.st_gid)
        self._do("ALTER SYSTEM SET ssl = on")
        self._do("SELECT pg_reload_conf()")

    def _do(self, statement: str) -> None:
        where = f"host={self.server.folder} port={self.port} user=tests dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(statement.encode())

    def connect(self, authority: Path) -> bool:
        """Connect over TCP as the template says. Return whether the connection is encrypted."""
        url = Made(**BALANCED).resources["DatabaseUrl"]["Properties"]["SecretString"]
        query = {name: value[0] for name, value in parse_qs(urlsplit(url).query).items()}
        query["sslrootcert"] = str(authority)
        where = {"host": "localhost", "port": str(self.port), "user": "tests", **query}
        with psycopg.connect(dbname="postgres", connect_timeout=20, **where) as connection:
            row = connection.execute(
                "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            ).fetchone()
        assert row
        return bool(row[0])


@pytest.fixture(scope="module")
def tls() -> Iterator[TlsServer]:
    port = free_port()
    with postgres.running(listen=port) as server:
        yield TlsServer(server, port)


def written(folder: Path, authority: Signed) -> Path:
    (folder / "ca.pem").write_bytes(authority.pem)
    return folder / "ca.pem"


def test_the_right_authority_connects(tls: TlsServer, tmp_path: Path) -> None:
    authority = signed("Amazon RDS of the tests")
    tls.trust(authority)
    assert tls.connect(written(tmp_path, authority))


def test_a_missing_authority_does_not_connect(tls: TlsServer, tmp_path: Path) -> None:
    tls.trust(signed("Amazon RDS of the tests"))
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        tls.connect(tmp_path / "missing.pem")


def test_another_authority_does_not_connect(tls: TlsServer, tmp_path: Path) -> None:
    tls.trust(signed("Amazon RDS of the tests"))
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        tls.connect(written(tmp_path, signed("Another authority")))


def test_an_expired_authority_does_not_connect(tls: TlsServer, tmp_path: Path) -> None:
    authority = signed("Amazon RDS of the tests", days=-1)
    tls.trust(authority)
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        tls.connect(written(tmp_path, authority))


def test_a_certificate_of_another_host_does_not_connect(tls: TlsServer, tmp_path: Path) -> None:
    authority = signed("Amazon RDS of the tests")
    tls.trust(authority, name="another.example")
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        tls.connect(written(tmp_path, authority))

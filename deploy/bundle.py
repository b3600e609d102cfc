"""Build the zip that Elastic Beanstalk runs: `python -m deploy.bundle`.

Builds are reproducible; the hash of the files is the bundle's version.
"""

import hashlib
import subprocess
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from deploy.errors import DeploymentError
from deploy.static_files import nginx_files
from rubberduck.core.settings import ROOT

FILE = ROOT / "build" / "bundle.zip"
BUNDLED_PATHS = (
    ":(glob)*.py .ebextensions .platform Procfile migrations questions requirements.txt rubberduck "
    "static templates translations"
).split()
# Options of the load balancer, which a single machine does not have.
LOAD_BALANCER_CONFIG = ".ebextensions/load-balanced.config"
VARIANTS = ("load-balanced", "single")
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip can hold
PLAIN_FILE = 0o100644 << 16


def contents(*, single: bool) -> dict[str, bytes]:
    """Return each file of the bundle by name: the tracked ones, and those generated for nginx."""
    names = [name for name in _tracked() if not (single and name == LOAD_BALANCER_CONFIG)]
    return {name: (ROOT / name).read_bytes() for name in names} | nginx_files()


def _tracked() -> list[str]:
    try:
        done = subprocess.run(
            ["git", "ls-files", "-z", "--", *BUNDLED_PATHS],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        raise DeploymentError(
            "The bundle holds the files that git tracks, and `git ls-files` failed: "
            "install git, and deploy from a clone of the project."
        ) from None
    return [name for name in done.stdout.split("\0") if name]


def write(file: Path = FILE, *, single: bool = False) -> str:
    """Write the bundle and return its version, 12 hex digits."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # Of the files, not of the zip: another zlib may compress them differently.
    hash = hashlib.sha256()
    with ZipFile(file, "w") as bundle:
        for name, data in sorted(contents(single=single).items()):
            entry = ZipInfo(name, ZIP_EPOCH)
            entry.external_attr = PLAIN_FILE
            bundle.writestr(entry, data, ZIP_DEFLATED, 9)
            hash.update(f"{name} {hashlib.sha256(data).hexdigest()}\n".encode())
    return hash.hexdigest()[:12]


def main(arguments: list[str]) -> None:
    variant = " ".join(arguments) or "load-balanced"
    if variant not in VARIANTS:
        sys.exit(f"VARIANT={variant} is not valid: it must be {' or '.join(VARIANTS)}.")
    try:
        version = write(single=variant == "single")
    except DeploymentError as error:
        sys.exit(str(error))
    size = FILE.stat().st_size / 1e6
    print(f"{FILE.relative_to(ROOT)}: version {version}, {size:.1f} MB.")


if __name__ == "__main__":
    main(sys.argv[1:])

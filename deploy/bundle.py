"""The zip that Elastic Beanstalk runs, `python -m deploy.bundle`: what the site needs, no more.

The same files make the same bytes; their hash is the bundle's version.
"""

import hashlib
import subprocess
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from deploy.static_files import nginx_files
from deploy.words import CannotDeploy
from rubberduck.core.settings import ROOT

FILE = ROOT / "build" / "bundle.zip"
PARTS = (
    ":(glob)*.py .ebextensions .platform Procfile migrations questions requirements.txt rubberduck "
    "static templates translations"
).split()
# It speaks to the load balancer, which a single machine has none of.
ONLY_BALANCED = ".ebextensions/load-balanced.config"
VARIANTS = ("load-balanced", "single")
THE_OLDEST = (1980, 1, 1, 0, 0, 0)  # a zip knows no date before
PLAIN_FILE = 0o100644 << 16


def contents(*, single: bool) -> dict[str, bytes]:
    """Each file of the bundle by its name: what git knows, and what nginx is told of it."""
    names = [name for name in _tracked() if not (single and name == ONLY_BALANCED)]
    return {name: (ROOT / name).read_bytes() for name in names} | nginx_files()


def _tracked() -> list[str]:
    try:
        done = subprocess.run(
            ["git", "ls-files", "-z", "--", *PARTS],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        raise CannotDeploy(
            "Only what git knows goes into the bundle, and git does not answer here: "
            "install git, and deploy from a clone of the project."
        ) from None
    return [name for name in done.stdout.split("\0") if name]


def write(file: Path = FILE, *, single: bool = False) -> str:
    """Writes the bundle; its version is the answer."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # Of the files, not of the zip: another computer's zlib may pack them in another way.
    hash = hashlib.sha256()
    with ZipFile(file, "w") as bundle:
        for name, data in sorted(contents(single=single).items()):
            entry = ZipInfo(name, THE_OLDEST)
            entry.external_attr = PLAIN_FILE
            bundle.writestr(entry, data, ZIP_DEFLATED, 9)
            hash.update(f"{name} {hashlib.sha256(data).hexdigest()}\n".encode())
    return hash.hexdigest()[:12]


def main(arguments: list[str]) -> None:
    variant = " ".join(arguments) or "load-balanced"
    if variant not in VARIANTS:
        sys.exit(f"VARIANT={variant} is none: it is {' or '.join(VARIANTS)}.")
    try:
        version = write(single=variant == "single")
    except CannotDeploy as error:
        sys.exit(str(error))
    size = FILE.stat().st_size / 1e6
    print(f"{FILE.relative_to(ROOT)}: version {version}, {size:.1f} MB.")


if __name__ == "__main__":
    main(sys.argv[1:])

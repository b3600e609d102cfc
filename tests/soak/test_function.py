"""The function at AWS Lambda: its packages have wheels, and it runs on them; `make soak`."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from rubberduck.core.settings import ROOT
from tests.support.arrivals import body, record
from tests.support.aws import BUCKET
from tests.support.function_image import DOCKERFILE, in_sqs, outcome_in_image

# Amazon Linux 2023, on which the images of Python 3.12 and later are built, has glibc 2.34.
PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in range(34, 4, -1)]
OLD_PLATFORMS = ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"]
OFFLINE = ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "ProxyError")


@pytest.mark.soak  # 200 MB for each version
@pytest.mark.parametrize("version", ["3.13", "3.14"])
def test_each_package_of_the_image_has_a_wheel(version: str, tmp_path: Path) -> None:
    platforms = [f"--platform={name}" for name in (*PLATFORMS, *OLD_PLATFORMS)]
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("\n".join(locked_for(version)))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"),
            *("--only-binary=:all:", "--python-version", version, *platforms),
            *("--dest", str(tmp_path / "wheels"), "--requirement", str(requirements)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if any(sign in done.stderr for sign in OFFLINE):
        pytest.skip("no package index can be reached: whether the wheels exist is NOT CHECKED")
    assert done.returncode == 0, done.stderr
    wheels = list((tmp_path / "wheels").glob("*.whl"))
    size = sum(wheel.stat().st_size for wheel in wheels) / 1e6
    print(f"\nPython {version}: {len(wheels)} wheels, {size:.0f} MB")
    assert len(wheels) == len(requirements.read_text().split("\n"))
    shutil.rmtree(tmp_path / "wheels")


@pytest.mark.soak
@pytest.mark.skipif(os.geteuid() != 0, reason="making a disk read-only takes root")
@pytest.mark.parametrize("version", ["3.13", "3.14"])
def test_the_function_runs_on_the_python_of_its_image(
    version: str, s3: Any, duck: Path, tmp_path: Path
) -> None:
    """With the packages that the Dockerfile installs, by its own command."""
    if (base := shutil.which(f"python{version}")) is None:
        pytest.skip(f"there is no Python {version} on this machine")
    subprocess.run([base, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    (line,) = [line for line in DOCKERFILE.read_text().splitlines() if line.startswith("RUN pip ")]
    command = [str(python), "-m", *line.split()[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if any(sign in done.stderr for sign in OFFLINE):
        pytest.skip("no package index can be reached: whether it runs is NOT CHECKED")
    assert done.returncode == 0, done.stderr
    etag = s3.put_object(Bucket=BUCKET, Key="in/duck.jpg", Body=duck.read_bytes())["ETag"]
    event = {"Records": [in_sqs("1", body(record("in/duck.jpg", etag)))]}
    assert outcome_in_image(python, tmp_path, event) == {"batchItemFailures": []}
    answer = json.loads(s3.get_object(Bucket=BUCKET, Key="out/duck.jpg.json")["Body"].read())
    assert answer["found"] is True
    shutil.rmtree(tmp_path / "venv")


def locked_for(version: str) -> Iterator[str]:
    """Yield the lines of requirements.txt that apply to this Python on Linux.

    pip evaluates markers for the Python that it runs on, not for --python-version (pip 23.2.1, its
    documentation of `pip download`), and would take numpy's release for an older one.
    """
    environment = {
        "python_version": version,
        "python_full_version": f"{version}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
    }
    text = (ROOT / "requirements.txt").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.strip().startswith("#"):
            requirement, *hashes = line.split(" --hash=")
            parsed = Requirement(requirement)
            if parsed.marker is None or parsed.marker.evaluate(environment):
                parsed.marker = None
                yield " ".join([str(parsed), *(f"--hash={hash.strip()}" for hash in hashes)])

"""The Dockerfile of the function at AWS Lambda."""

import subprocess
import sys
from pathlib import Path

import pytest

from rubberduck.core.settings import ROOT

HADOLINT = Path(sys.executable).with_name("hadolint")


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint is shipped for Linux only")
def test_the_dockerfile_is_linted() -> None:
    command = [str(HADOLINT), "--no-color", "deploy/function/Dockerfile"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")

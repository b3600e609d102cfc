"""A site that only looks for ducks loads nothing of data sets, custom models and the emulator."""

import subprocess
import sys

from rubberduck.core.settings import ROOT

PROGRAM = """
import sys
import app
from rubberduck.cli.commands import commands
unwanted = ("rubberduck.custom_models", "rubberduck.emulator", "rubberduck.named_objects")
unwanted += ("ijson", "defusedxml")
print(sorted(name for name in sys.modules if name.startswith(unwanted)))
"""


def test_the_site_starts_without_custom_models() -> None:
    printed = subprocess.check_output([sys.executable, "-c", PROGRAM], cwd=ROOT, text=True)
    assert printed.strip() == "[]"

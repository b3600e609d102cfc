"""Packages of peers, which .venv-bench holds, in this process."""

import importlib
import sys
from typing import Any

from rubberduck.core.settings import ROOT


def load_peer(name: str) -> Any:
    """Import a package out of .venv-bench, with our numpy; None where it is not installed.

    All else is ours: both sides do the same work in the same process.
    """
    for folder in (ROOT / ".venv-bench").glob("lib/python*/site-packages"):
        sys.path.append(str(folder))
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
        finally:
            sys.path.remove(str(folder))
    return None

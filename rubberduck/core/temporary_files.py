"""Where temporary files lie: those of this process, and those that all of a machine share."""

import tempfile
from pathlib import Path

_of_machine: str | None = None  # before `use_own_folder`


def use_own_folder(folder: str) -> None:
    """Let the temporary files of this process lie in `folder`, which somebody else deletes."""
    global _of_machine  # noqa: PLW0603 - as the module tempfile itself keeps its folder
    _of_machine = tempfile.gettempdir()
    tempfile.tempdir = folder


def machine_folder() -> Path:
    """Return the folder for locks and files that all processes of the machine share."""
    return Path(_of_machine or tempfile.gettempdir())

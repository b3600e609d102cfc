"""The commands, run as a user types them."""

from typing import Any

from click.testing import Result
from flask import Flask


def run_command(app: Flask, *words: str, **options: Any) -> Result:
    """Run `flask WORDS…` in this process, and return its exit code and output."""
    return app.test_cli_runner().invoke(args=list(words), **options)

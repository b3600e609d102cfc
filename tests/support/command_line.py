"""The commands, run as a user types them, and programs with a site of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import Result
from flask import Flask

from rubberduck.core.settings import ROOT
from tests.support.databases import create_database


def run_command(app: Flask, *words: str, **options: Any) -> Result:
    """Run `flask WORDS…` in this process, and return its exit code and output."""
    return app.test_cli_runner().invoke(args=list(words), **options)


def run_program(program: str, folder: Path) -> Any:
    """Run Python code in a process with an empty site; return the JSON that it prints last."""
    url = f"sqlite:///{folder}/duck.db"
    create_database(url)
    environment = {
        "DUCK_DATABASE_URL": url,
        "DUCK_UPLOADS": str(folder),
        "DUCK_SECRET_KEY": "a key of the tests",
        "FLASK_SKIP_DOTENV": "1",
        "PATH": os.environ["PATH"],
    }
    command = [sys.executable, "-c", program]
    output = subprocess.check_output(command, cwd=ROOT, env=environment, text=True)
    return json.loads(output.splitlines()[-1])

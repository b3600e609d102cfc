"""What developers use: Alembic's command, the workflow, the quick tests."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from db_setup import set_up
from rubberduck.core.settings import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what Alembic needs, beside a fresh SQLite database."""
    for name in ("migrations", "rubberduck"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "alembic.ini", tmp_path)
    set_up(f"sqlite:///{tmp_path / 'duck.db'}")
    return tmp_path


def alembic(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=project,
        env={
            "PATH": os.environ["PATH"],
            "FLASK_SKIP_DOTENV": "1",
            "DUCK_DATABASE_URL": f"sqlite:///{project / 'duck.db'}",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_fresh_database_does_not_differ_from_the_tables(project: Path) -> None:
    done = alembic(project, "check")
    assert done.returncode == 0, done.stderr
    assert "No new upgrade operations detected." in done.stdout


def test_autogenerate_writes_the_difference_as_a_revision(project: Path) -> None:
    before = set((project / "migrations" / "versions").glob("*.py"))
    engine = create_engine(f"sqlite:///{project / 'duck.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE duck_results DROP COLUMN judged_right")
    engine.dispose()
    done = alembic(project, "revision", "--autogenerate", "-m", "add feedback")
    assert done.returncode == 0, done.stderr
    (written,) = set((project / "migrations" / "versions").glob("*.py")) - before
    assert written.name.endswith("_add_feedback.py")
    assert "op.add_column('duck_results', sa.Column('judged_right'" in written.read_text()


def test_the_workflow_runs_what_continuous_integration_runs_here() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert re.findall(r"^ +- run: (.+)$", workflow, re.M)[-1] == ".ci/run"
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "exec make test"

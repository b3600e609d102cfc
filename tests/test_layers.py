"""The law of imports: a file looks only at rows below its own."""

import ast
from pathlib import Path

import pytest

from rubberduck.settings import ROOT

ROWS = [
    ["rubberduck.model", "rubberduck.errors", "rubberduck.settings"],
    [
        "rubberduck.question",
        "rubberduck.circuit",
        "rubberduck.av1",
        "rubberduck.avif",
        "rubberduck.tiff",
        "rubberduck.problems",
        "rubberduck.frames",
        "rubberduck.model_file",
        "rubberduck.once",
        "rubberduck.remains",
    ],
    ["rubberduck.bombs"],
    ["rubberduck.pictures", "rubberduck.drawing", "rubberduck.database"],
    ["rubberduck.tally", "rubberduck.rows"],
    ["rubberduck.twins"],
    ["rekognition", "rubberduck.local_detector", "rubberduck.storage", "rubberduck.results"],
    ["rubberduck.sweeper", "rubberduck.bucket", "rubberduck.embedded", "db_setup"],
    ["rubberduck.finder"],
    ["rubberduck.guarded"],
    ["rubberduck.budget", "rubberduck.breaker"],
    ["rubberduck.spending"],
    [
        "rubberduck.readiness",
        "rubberduck.evaluation",
        "rubberduck.samples",
        "rubberduck.visitors",
        "rubberduck.limits",
    ],
    ["rubberduck.door", "rubberduck.headers", "rubberduck.logs"],
    ["rubberduck.representations", "rubberduck.charts", "rubberduck.daily_charts"],
    ["rubberduck.templating", "rubberduck.health", "rubberduck.refusals"],
    ["rubberduck.api", "rubberduck.described", "rubberduck.example"],
    ["rubberduck.operations", "rubberduck.guard"],
    ["rubberduck.openapi"],
    ["rubberduck.pages"],
    ["rubberduck.command_line"],
    ["rubberduck.evaluate_command", "rubberduck.costs_command"],
    ["rubberduck.commands", "composition"],
    ["app"],
    ["wsgi", "gunicorn.conf"],
]
ROW = {module: row for row, modules in enumerate(ROWS) for module in modules}
ONLY_IN = {
    "boto3": {"composition"},
    "botocore": {"composition", "rekognition", "rubberduck.bucket"},
    "flask": {
        "app",
        "rubberduck.api",
        "rubberduck.commands",
        "rubberduck.costs_command",
        "rubberduck.door",
        "rubberduck.evaluate_command",
        "rubberduck.guard",
        "rubberduck.headers",
        "rubberduck.health",
        "rubberduck.limits",
        "rubberduck.logs",
        "rubberduck.openapi",
        "rubberduck.pages",
        "rubberduck.refusals",
        "rubberduck.representations",
        "rubberduck.templating",
        "rubberduck.visitors",
    },
    "PIL": {
        "rubberduck.pictures",
        "rubberduck.drawing",
        "rubberduck.local_detector",
        "rubberduck.charts",
    },
    "sqlalchemy": {
        "rubberduck.budget",
        "rubberduck.database",
        "rubberduck.results",
        "rubberduck.rows",
        "rubberduck.settings",
        "rubberduck.spending",
        "rubberduck.tally",
        "rubberduck.twins",
        "db_setup",
    },
    "matplotlib": {"rubberduck.drawing", "rubberduck.charts", "rubberduck.daily_charts"},
    "onnxruntime": {"rubberduck.local_detector"},
    "flask_limiter": {"rubberduck.limits", "rubberduck.refusals"},
    "redis": {"rubberduck.limits"},
    "pythonjsonlogger": {"rubberduck.logs"},
}


def files() -> dict[str, Path]:
    found = [*ROOT.glob("*.py"), *(ROOT / "rubberduck").rglob("*.py")]
    names = {path: path.relative_to(ROOT).with_suffix("").as_posix() for path in found}
    return {
        name.replace("/", "."): path
        for path, name in names.items()
        if not name.endswith("__init__")
    }


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    plain = (node for node in ast.walk(tree) if isinstance(node, ast.Import))
    from_ = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    names = {alias.name for node in plain for alias in node.names}
    for node in from_:
        names |= {f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_every_file_has_its_row() -> None:
    assert set(files()) == set(ROW)


@pytest.mark.parametrize("module", ROW)
def test_a_file_looks_only_down(module: str) -> None:
    ours = {name for name in imports(files()[module]) if name in ROW}
    assert {name for name in ours if ROW[name] >= ROW[module]} == set()


@pytest.mark.parametrize("module", [name for name in ROW if name.startswith("rubberduck.")])
def test_the_inside_does_not_know_the_outside(module: str) -> None:
    outside = {name for name in ROW if not name.startswith("rubberduck.")}
    assert imports(files()[module]) & outside == set()


@pytest.mark.parametrize("library", ONLY_IN)
def test_each_outside_thing_has_its_window(library: str) -> None:
    users = {
        module
        for module, path in files().items()
        if any(name.split(".")[0] == library for name in imports(path))
    }
    assert users <= ONLY_IN[library]


def test_pyplot_is_nowhere() -> None:
    assert not [name for name, path in files().items() if "matplotlib.pyplot" in imports(path)]

"""The law of imports: a package imports only from packages left of its own "<"."""

import ast
import subprocess
from functools import cache
from pathlib import Path

import pytest

from rubberduck.core.settings import ROOT

LAW = """
core < imaging, db, aws, scoring < storage, billing, accounts, jobs < detectors
< custom_models, videos, faces < named_objects < services < events, evaluation, web
< api, emulator, cli < pages
< rekognition, db_setup < aws_clients < amazon_services < composition
< app < wsgi, gunicorn.conf, worker, serve, lambda_function
"""
# Which packages may import a library; "top" is a file beside the packages.
WINDOWS = {
    # What runs in the sandbox's child, and nowhere else.
    "av": {
        "videos.decode_child",
        "videos.decode_container",
        "videos.decode_skipping",
        "videos.decode_source",
        "videos.decode_pictures",
        "videos.encode_child",
        "videos.encode_files",
        "videos.encode_sound",
    },
    "boto3": {"aws_clients"},
    "botocore": {"aws_clients", "rekognition", "aws", "storage", "emulator"},
    "dbos": {"jobs"},
    "flask": {"app", "web", "api", "pages", "cli"},
    "flask_limiter": {"web"},
    "matplotlib": {"imaging", "evaluation"},
    "authlib": {"accounts"},
    "joserfc": {"accounts"},
    "onnx": {"custom_models"},
    "onnxruntime": {"detectors", "custom_models", "faces"},
    "PIL": {
        "imaging",
        "detectors",
        "evaluation",
        "custom_models",
        "videos",
        "faces",
        "named_objects",
    },
    "prometheus_client": {"web", "gunicorn.conf"},
    "pythonjsonlogger": {"web"},
    "redis": {"web"},
    "requests": {"accounts"},
    "sqlalchemy": {
        "core.settings",
        "db",
        "billing",
        "accounts",
        "jobs",
        "custom_models",
        "videos",
        "faces",
        "named_objects",
        "db_setup",
    },
}
LEVELS = [
    {name.strip() for name in level.split(",")} for level in LAW.replace("\n", " ").split("<")
]
LEVEL = {name: number for number, level in enumerate(LEVELS) for name in level}
FILES = {
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): path
    for path in [*ROOT.glob("*.py"), *(ROOT / "rubberduck").rglob("*.py")]
}
MODULES = sorted(set(FILES) - {"rubberduck.__init__"})


def package(module: str) -> str:
    """The package inside rubberduck/, or the top-level file itself."""
    parts = module.split(".")
    return parts[1] if parts[0] == "rubberduck" else module


def imports(module: str) -> set[str]:
    return imports_of(FILES[module])


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


@cache
def imports_of(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@cache
def own_imports(module: str) -> set[str]:
    """The modules of this project that it imports."""
    return {
        known
        for name in imports(module)
        for known in (name, name.rpartition(".")[0])
        if known in FILES and known != module
    }


# One test for all modules: a thousand small ones took as long as the slowest of the suite.
def test_a_package_imports_only_from_packages_left_of_it() -> None:
    wrong = {
        f"{module} imports {name}"
        for module in MODULES
        for name in own_imports(module)
        if package(name) != package(module) and LEVEL[package(name)] >= LEVEL[package(module)]
    }
    assert wrong == set()


def test_the_packages_do_not_import_top_level_files() -> None:
    wrong = {
        f"{module} imports {name}"
        for module in MODULES
        if module.startswith("rubberduck.")
        for name in own_imports(module)
        if not name.startswith("rubberduck.")
    }
    assert wrong == set()


def test_inside_a_package_there_are_no_circles() -> None:
    waiting = {module: own_imports(module) for module in MODULES}
    while free := [module for module, needs in waiting.items() if not needs & set(waiting)]:
        for module in free:
            del waiting[module]
    assert sorted(waiting) == []


@pytest.mark.parametrize("library", WINDOWS)
def test_a_library_is_imported_only_through_its_window(library: str) -> None:
    users = {
        module for module in MODULES if any(n.split(".")[0] == library for n in imports(module))
    }
    allowed = WINDOWS[library]
    assert {m for m in users if not {package(m), m.removeprefix("rubberduck.")} & allowed} == set()


def test_pyplot_is_never_imported() -> None:
    assert not [m for m in MODULES if any("pyplot" in name for name in imports(m))]


@pytest.mark.parametrize("folder", sorted((ROOT / "rubberduck").glob("*/")), ids=lambda f: f.name)
def test_each_package_says_what_lives_in_it(folder: Path) -> None:
    if any(folder.glob("*.py")):
        docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
        assert docstring
        assert "May import" in docstring


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.check_output(["git", "ls-files", *patterns], cwd=ROOT, text=True)
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).exists()]


def test_tests_share_code_through_tests_support_only() -> None:
    wrong = {
        f"{file.relative_to(ROOT)} imports {name}"
        for file in tracked("tests/*.py")
        for name in imports_of(file)
        if name.startswith("tests.") and not name.startswith("tests.support.")
    }
    assert wrong == set()


def test_only_bench_and_docs_import_the_tests_support() -> None:
    users = {
        file.relative_to(ROOT).parts[0]
        for file in tracked("*.py")
        if any(f"{name}.".startswith("tests.") for name in imports_of(file))
    }
    assert users <= {"tests", "bench", "docs"}


def test_soak_tests_live_in_tests_soak() -> None:
    """Whole tests; a heavier row of a parametrised test stays beside its lighter ones."""
    mixed = [
        f"{file.name}: {node.name}"
        for file in tracked("tests/*.py")
        if file.parent.name != "soak"
        for node in tree_of(file).body
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(mark) == "pytest.mark.soak" for mark in node.decorator_list)
    ]
    assert mixed == []

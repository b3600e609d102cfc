"""The documents: short, with links that lead somewhere, and true to the tree."""

import re
from pathlib import Path

import pytest

from rubberduck.core.settings import ROOT

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def anchors(page: Path) -> set[str]:
    """The addresses of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)\s]*)\)", page.read_text())
    broken = []
    for link in links:
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_exist(page: Path) -> None:
    """`test_name.py` alone is not enough: after a move it would name nothing."""
    named = re.findall(
        r"[\w./-]*\btest_\w+\.py|(?:rubberduck|bench|deploy)/[\w./-]+\.py", page.read_text()
    )
    assert {file for file in named if not (ROOT / file).exists()} == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_the_readme_names_every_package_and_no_other() -> None:
    named = set(re.findall(r"`rubberduck/(\w+)/`", (ROOT / "README.md").read_text()))
    packages = {file.parent.name for file in (ROOT / "rubberduck").glob("*/__init__.py")}
    assert named == packages


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {name for name in pages if f"]({name})" not in index} == set()

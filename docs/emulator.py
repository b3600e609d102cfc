"""Writes the table of operations in docs/emulator.md: `python -m docs.emulator`."""

from rubberduck.core.settings import ROOT
from rubberduck.emulator.operations import OPERATIONS
from rubberduck.emulator.service_model import service_model

PAGE = ROOT / "docs" / "emulator.md"
BEGIN, END = "<!-- operations -->\n", "<!-- end -->\n"
HEAD = "| Operation | Answer | By |\n|---|---|---|\n"


def table() -> str:
    """Return one row for each operation that is answered, and one with all others."""
    rows = [
        f"| `{name}` | {each.kind} | {each.by} |\n"
        for name, each in sorted(OPERATIONS.items())
        if each.kind != "refused"
    ]
    refused: dict[str, list[str]] = {}
    for name, each in sorted(OPERATIONS.items()):
        if each.kind == "refused":
            refused.setdefault(each.by, []).append(f"`{name}`")
    rows += [f"| {', '.join(names)} | refused | {by} |\n" for by, names in refused.items()]
    missing = [f"`{name}`" for name in service_model().operation_names if name not in OPERATIONS]
    rows.append(f"| {', '.join(missing)} | missing | UnknownOperationException |\n")
    return HEAD + "".join(rows)


def page() -> str:
    """Return docs/emulator.md with a fresh table between its two marks."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page())

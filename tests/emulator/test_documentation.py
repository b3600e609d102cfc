"""docs/emulator.md is true to the code."""

from docs.emulator import PAGE, page
from rubberduck.emulator.faults import KINDS
from rubberduck.emulator.operations import OPERATIONS
from rubberduck.emulator.service_model import service_model


def test_the_table_of_operations_is_that_of_the_code() -> None:
    assert PAGE.read_text() == page()


def test_all_operations_are_the_service_s() -> None:
    assert set(OPERATIONS) <= set(service_model().operation_names)


def test_every_fault_is_described() -> None:
    assert [kind for kind in KINDS if f"| `{kind}" not in PAGE.read_text()] == []

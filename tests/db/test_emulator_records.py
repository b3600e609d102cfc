"""The emulator's records, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rubberduck.custom_models.project_deletion import delete_rows_of
from rubberduck.db.emulator_records import EmulatorRecords
from rubberduck.db.results import Results

DAY = timedelta(days=1)


@pytest.fixture
def records(any_results: Results) -> EmulatorRecords:
    return EmulatorRecords(any_results.database)


def test_a_record_is_written_over_and_deleted(records: EmulatorRecords) -> None:
    assert records.get("job", "a") is None
    records.put("job", "a", {"n": 1})
    records.put("job", "a", {"n": 2})
    records.put("token", "a", {"n": 3})
    assert records.get("job", "a") == {"n": 2}
    records.delete("job", "a")
    assert records.get("job", "a") is None
    assert records.get("token", "a") == {"n": 3}


def test_of_two_who_write_a_new_record_one_does(records: EmulatorRecords) -> None:
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(lambda n: records.put_new("token", "a", {"n": n}), range(4)))
    assert sorted(written) == [False, False, False, True]


def test_what_has_expired_is_gone(records: EmulatorRecords) -> None:
    records.put("token", "old", {"n": 1}, lasts=-DAY)
    records.put("token", "new", {"n": 1}, lasts=DAY)
    assert records.get("token", "old") is None
    assert records.delete_expired(datetime.now(UTC)) == 1
    records.put("token", "old", {"n": 1}, lasts=-DAY)
    assert records.put_new("token", "old", {"n": 2}, lasts=DAY)
    assert records.get("token", "old") == {"n": 2}


def test_changes_are_made_one_at_a_time(records: EmulatorRecords) -> None:
    def add(record: dict[str, Any]) -> dict[str, Any]:
        return {"n": record.get("n", 0) + 1}

    def change(_: int) -> None:
        records.change("rate", "calls", add)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(20)))
    assert records.get("rate", "calls") == {"n": 20}


def test_a_project_takes_its_records_along(records: EmulatorRecords) -> None:
    records.put("dataset", "a", {"n": 1}, project_id="p1")
    records.put("dataset", "b", {"n": 2}, project_id="p2")
    assert records.of_project("dataset", "p1") == {"a": {"n": 1}}
    delete_rows_of(records.database, "p1")
    assert records.get("dataset", "a") is None
    assert records.get("dataset", "b") == {"n": 2}

"""What Rekognition may cost: budgets exact to the call, the lever, and what visitors read then."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from rubberduck.billing.budget import Budget
from rubberduck.billing.spending import read_spending
from rubberduck.core.errors import BudgetSpent, InvalidQuestion, NotBilled
from rubberduck.core.models import Label
from rubberduck.core.settings import InvalidSettings, Settings
from rubberduck.db.engine import Database
from rubberduck.detectors.with_budget import DetectorWithBudget
from rubberduck.imaging.decode import Picture, decode_picture
from tests.support.aws import BUCKET
from tests.support.databases import create_database
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import encoded, form, tiny
from tests.support.recordings import recorded_labels
from tests.support.rekognition_endpoint import HANG_UP, RekognitionEndpoint
from tests.support.server import Site, amazon, serving
from tests.support.visitor import Visit, post_and_open, post_picture, visible_text

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SPENT = (
    "The budget for Amazon Rekognition was used up at the time, "
    "so the embedded detector answered instead."
)
CATS = 'title = "A cat?"\n[[groups]]\nname = "a cat"\nany_of = ["Cat"]\n'


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    """No day ends while a test runs; other processes keep their own clock."""
    with time_machine.travel(NOW):
        yield


@pytest.fixture
def database(ready_database_url: str) -> Iterator[Database]:
    database = Database(ready_database_url)
    yield database
    database.close()


def a_budget(database: Database, daily: int, monthly: int = 10_000, engine: str = "e") -> Budget:
    return Budget(database, engine, 0.001, daily, monthly)


def counted(database: Database, engine: str = "e") -> tuple[int, int]:
    """Today and this month."""
    of = {each.engine: each for each in read_spending(database, {engine: 0.001}, 1, 1)}[engine]
    return of.today.calls, of.month.calls


def takes(budget: Budget) -> bool:
    try:
        budget.reserve()
    except BudgetSpent:
        return False
    return True


class TestTheCount:
    """On SQLite and on PostgreSQL."""

    def test_many_at_once_get_what_there_is_and_no_more(self, database: Database) -> None:
        examples = iter(range(1000))

        @hypothesis_settings(max_examples=15)
        @given(st.integers(1, 12), st.integers(0, 14), st.integers(0, 14))
        def holds(threads: int, daily: int, monthly: int) -> None:
            engine = f"engine {next(examples)}"
            budget = a_budget(database, daily, monthly, engine)
            with ThreadPoolExecutor(threads) as pool:
                took = list(pool.map(lambda _: takes(budget), range(threads)))
            most = min(threads, daily, monthly)
            assert sum(took) == most
            assert counted(database, engine) == (most, most)

        holds()

    def test_what_is_given_back_can_be_taken_again(self, database: Database) -> None:
        budget = a_budget(database, daily=3)
        all_there = threading.Barrier(8)

        def take_and_give_back(_: int) -> None:
            all_there.wait()
            for _ in range(5):
                try:
                    budget.refund(budget.reserve())
                except BudgetSpent:
                    continue

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(take_and_give_back, range(8)))
        assert counted(database) == (0, 0)
        assert [takes(budget) for _ in range(4)] == [True, True, True, False]

    def test_each_engine_has_its_own(self, database: Database) -> None:
        assert takes(a_budget(database, 1, engine="one"))
        assert takes(a_budget(database, 1, engine="other"))
        assert not takes(a_budget(database, 1, engine="one"))

    def test_a_restart_forgets_nothing(self, database: Database, ready_database_url: str) -> None:
        assert takes(a_budget(database, 1))
        database.close()
        again = Database(ready_database_url)
        assert not takes(a_budget(again, 1))
        again.close()

    def test_a_day_ends_at_midnight_of_utc(self, database: Database) -> None:
        budget = a_budget(database, daily=1)
        with time_machine.travel(datetime(2026, 11, 20, 23, 59, 29, 500_000, UTC)) as clock:
            assert takes(budget)
            clock.move_to(datetime(2026, 11, 20, 23, 59, 29, 500_000, UTC), tick=False)
            with pytest.raises(BudgetSpent, match="tomorrow from 00:00 UTC") as spent:
                budget.reserve()
            assert spent.value.problem.retry_after == 31
            clock.move_to(datetime(2026, 11, 21, tzinfo=UTC), tick=False)
            assert [takes(budget), takes(budget)] == [True, False]

    @pytest.mark.parametrize(
        ("last", "first", "seconds"),
        [
            ("2026-11-28T12:00Z", "2026-12-01T00:00Z", 60 * 3600),
            ("2026-12-31T23:00Z", "2027-01-01T00:00Z", 3600),
            ("2028-02-28T00:00Z", "2028-03-01T00:00Z", 48 * 3600),  # a leap year
        ],
    )
    def test_a_month_ends_with_its_last_day(
        self, database: Database, last: str, first: str, seconds: int
    ) -> None:
        budget = a_budget(database, daily=1, monthly=1)  # both are spent: the longer one counts
        next_month = datetime.fromisoformat(first)
        with time_machine.travel(datetime.fromisoformat(last), tick=False) as clock:
            assert takes(budget)
            with pytest.raises(BudgetSpent, match=f"available on {next_month:%Y-%m-%d}") as spent:
                budget.reserve()
            assert spent.value.problem.retry_after == seconds
            clock.move_to(next_month, tick=False)
            assert takes(budget)

    def test_a_spent_day_spends_nothing_of_the_month(self, database: Database) -> None:
        budget = a_budget(database, daily=1, monthly=2)
        with time_machine.travel(NOW, tick=False) as clock:
            assert [takes(budget) for _ in range(5)] == [True, False, False, False, False]
            clock.shift(86_400)
            assert takes(budget)

    def test_what_is_given_back_after_midnight_belongs_to_yesterday(
        self, database: Database
    ) -> None:
        budget = a_budget(database, daily=1)
        with time_machine.travel(datetime(2026, 11, 20, 23, 59, tzinfo=UTC), tick=False) as clock:
            taken = budget.reserve()
            clock.move_to(datetime(2026, 11, 21, 0, 1, tzinfo=UTC), tick=False)
            assert takes(budget)
            budget.refund(taken)
            assert counted(database) == (1, 1)


def test_what_cannot_be_given_back_stays_counted(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Refuses(FakeDetector):
        def labels(self, picture: Picture) -> list[Label]:
            (tmp_path / "duck.db").rename(tmp_path / "elsewhere.db")
            raise NotBilled("It refused.")

    create_database(settings.database_url)
    database = Database(settings.database_url)
    picture = decode_picture(encoded(), max_bytes=10_000, max_side=800)
    with pytest.raises(NotBilled):
        DetectorWithBudget(Refuses(), a_budget(database, 1)).labels(picture)
    assert "could not refund call" in caplog.text
    (tmp_path / "elsewhere.db").rename(tmp_path / "duck.db")
    assert counted(database) == (1, 1)
    database.close()


def spent_so_far(client: FlaskClient) -> int:
    database = client.application.extensions["pipeline"].results.database
    return counted(database, "Amazon Rekognition")[0]


def test_rekognition_answers_for_pictures_in_a_folder(
    visit: Visit, eyes: RekognitionEndpoint, settings: Settings
) -> None:
    page = post_and_open(visit(), encoded())
    assert "Rubber duck detected! :))" in page
    assert "Detector: Amazon Rekognition. Storage: a folder on this server." in page
    assert eyes.arrived == 1
    assert sorted(each.name for each in settings.uploads.iterdir()) == ["marked", "uploads"]


def test_when_the_budget_is_spent_the_embedded_detector_answers_and_says_so(
    visit: Visit, eyes: RekognitionEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    client = visit(daily_calls=2)
    pages = [visible_text(post_and_open(client, tiny(number))) for number in range(5)]
    assert [SPENT in page for page in pages] == [False, False, True, True, True]
    assert "was unavailable" not in "".join(pages)
    assert eyes.arrived == spent_so_far(client) == 2
    message = "budget spent engine=Amazon Rekognition"
    assert [message in each.message for each in caplog.records if each.levelno > 20] == [True]


def test_the_json_says_why(visit: Visit) -> None:
    client = visit(monthly_calls=1)
    whys = [
        client.post("/api/v1/pictures", **form(tiny(number))).get_json()["instead_because"]
        for number in range(2)
    ]
    assert whys == [None, "budget-spent"]


def test_a_failure_is_told_as_one(visit: Visit, eyes: RekognitionEndpoint) -> None:
    eyes.always = "AccessDeniedException"
    body = visit().post("/api/v1/pictures", **form(tiny(1))).get_json()
    assert (body["instead_of"], body["instead_because"]) == ("Amazon Rekognition", "failed")


def test_a_picture_answered_by_the_stand_in_is_asked_again_another_day(
    visit: Visit, eyes: RekognitionEndpoint
) -> None:
    assert SPENT in visible_text(post_and_open(visit(daily_calls=0), encoded()))
    assert SPENT not in visible_text(post_and_open(visit(daily_calls=1), encoded()))
    assert eyes.arrived == 1


def test_the_same_picture_of_one_visitor_is_counted_once(visit: Visit) -> None:
    client = visit()
    for _ in range(3):
        post_picture(client, encoded())
    assert spent_so_far(client) == 1


def test_strangers_with_the_same_picture_are_counted_each(visit: Visit) -> None:
    """A shared answer would tell that somebody else sent this very file."""
    client = visit()
    for _ in range(3):
        post_picture(client.application.test_client(), encoded())
    assert spent_so_far(client) == 3


@pytest.mark.parametrize(
    ("fault", "calls"),
    [
        ("ThrottlingException", 0),
        ("InternalServerError", 0),
        ("AccessDeniedException", 0),
        ("InvalidImageFormatException", 0),
        (HANG_UP, 1),
    ],
)
def test_only_what_may_be_billed_is_counted(
    visit: Visit, eyes: RekognitionEndpoint, fault: str, calls: int
) -> None:
    client = visit()
    eyes.always = fault
    post_picture(client, encoded())
    assert spent_so_far(client) == calls


def test_samples_the_camera_and_the_check_spend_nothing(
    visit: Visit, eyes: RekognitionEndpoint
) -> None:
    client = visit(daily_calls=0)
    assert "Rubber duck detected!" in client.get("/sample/easy").text
    assert client.post("/api/v1/frames", **form(encoded())).status_code == 200
    client.application.extensions["pipeline"].detector.check()
    assert eyes.arrived == 1  # the check's question, which is not billed
    assert spent_so_far(client) == 0


@pytest.fixture
def cats(tmp_path: Path) -> Path:
    """A question that the embedded detector cannot answer."""
    file = tmp_path / "cat.toml"
    file.write_text(CATS)
    return file


def test_without_a_stand_in_the_visitor_reads_when_it_goes_on(
    visit: Visit, cats: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    client = visit(question=cats, daily_calls=1)
    assert post_picture(client, tiny(0)).status_code == 303
    refused = [post_picture(client, tiny(number)) for number in (1, 2, 3)]
    assert {each.status_code for each in refused} == {503}
    page = visible_text(refused[0].text)
    assert "Our budget for answers is used up" in page
    assert "New answers are available tomorrow from 00:00 UTC. Please come back then." in page
    assert 11 * 3600 < int(refused[-1].headers["Retry-After"]) <= 12 * 3600
    assert [each.name for each in caplog.records if each.levelno > 20] == [
        "rubberduck.billing.budget"
    ]
    assert len(list((settings.uploads / "uploads").iterdir())) == 1  # nothing is left of the others


def test_the_json_problem_has_a_name_of_its_own(visit: Visit, cats: Path) -> None:
    client = visit(question=cats, monthly_calls=1)
    client.post("/api/v1/pictures", **form(tiny(0)))
    answer = client.post("/api/v1/pictures", **form(tiny(1)))
    assert answer.status_code == 503
    assert answer.get_json()["type"] == "/api#budget-spent"
    assert int(answer.headers["Retry-After"]) <= 31 * 86_400


@pytest.mark.parametrize("budget", ["daily_calls", "monthly_calls"])
def test_a_site_that_could_never_answer_does_not_start(
    visit: Visit, cats: Path, budget: str
) -> None:
    with pytest.raises(InvalidSettings, match="must be more than 0"):
        visit(question=cats, **{budget: 0})


BANNER = "Amazon Rekognition is switched off at the moment, so the embedded detector answers."


def test_the_lever_switches_rekognition_off_and_every_page_says_so(
    visit: Visit, eyes: RekognitionEndpoint, s3: Any
) -> None:
    client = visit(bucket=BUCKET, engine="local")
    page = visible_text(post_and_open(client, encoded()))
    assert BANNER in page
    assert BANNER in visible_text(client.get("/").text)
    assert "Detector: embedded detector. Storage: a private Amazon S3 bucket." in page
    assert eyes.arrived == 0
    assert len(s3.list_objects_v2(Bucket=BUCKET)["Contents"]) == 1


def test_when_the_lever_is_back_the_same_picture_is_asked_again(
    visit: Visit, eyes: RekognitionEndpoint, s3: Any
) -> None:
    post_picture(visit(bucket=BUCKET, engine="local"), encoded())
    page = visible_text(post_and_open(visit(bucket=BUCKET, engine=None), encoded()))
    assert "Rubber duck detected! :))" in page
    assert BANNER not in page
    assert eyes.arrived == 1


def test_a_site_that_never_had_rekognition_misses_nothing(visit: Visit) -> None:
    assert "switched off" not in visit(engine="local").get("/").text


def test_the_lever_cannot_answer_what_only_rekognition_knows(visit: Visit, cats: Path) -> None:
    with pytest.raises(InvalidQuestion, match="set DUCK_ENGINE=rekognition"):
        visit(bucket=BUCKET, engine="local", question=cats)


def test_without_any_budget_the_embedded_detector_answers(
    visit: Visit, eyes: RekognitionEndpoint
) -> None:
    page = visible_text(post_and_open(visit(daily_calls=0, monthly_calls=0), encoded()))
    assert SPENT in page
    assert eyes.arrived == 0


def upload(site: Site, number: int) -> dict[str, Any]:
    """A picture of its own, from one of fifty addresses."""
    status, body = site.post(tiny(number), X_Forwarded_For=f"198.51.100.{number % 50}")
    assert status == 201, body
    answer: dict[str, Any] = json.loads(body)
    return answer


@pytest.mark.parametrize(
    ("budget", "uploads"),
    [(6, 24), pytest.param(100, 500, marks=pytest.mark.soak)],
)
def test_four_processes_spend_one_budget_exactly(
    database_url: str, eyes: RekognitionEndpoint, tmp_path: Path, budget: int, uploads: int
) -> None:
    eyes.detector.answer = recorded_labels("detect_labels_five_dogs")
    more = amazon() | {
        "DUCK_DATABASE_URL": database_url,
        "DUCK_UPLOADS": str(tmp_path / "uploads"),
        "DUCK_ENGINE": "rekognition",
        "DUCK_MONTHLY_CALLS": str(budget),
        "DUCK_PROXIES": "1",
        "DUCK_SECRET_KEY": "a key of the tests",
        "WEB_CONCURRENCY": "4",
    }
    with serving(tmp_path, **more) as site:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda number: upload(site, number), range(uploads)))
        assert len(set(site.workers)) == 4
    assert eyes.arrived == budget
    whys = [each["instead_because"] for each in answers]
    assert (whys.count(None), whys.count("budget-spent")) == (budget, uploads - budget)

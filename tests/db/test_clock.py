"""A clock that is wrong, jumps, or has come far: visitors do not notice."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from flask.testing import FlaskClient

from tests.support.pictures import encoded, form
from tests.support.visitor import post_picture

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), id="Europe's summer begins"),
        pytest.param(datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC), id="Europe's summer ends"),
        pytest.param(datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC), id="a leap day ends"),
        pytest.param(datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC), id="32 bits of seconds end"),
        pytest.param(datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC), id="a century ends"),
    ],
)
def test_any_moment_will_do(client: FlaskClient, moment: datetime) -> None:
    with time_machine.travel(moment) as time:
        where = post_picture(client, encoded()).location
        time.shift(2)
        assert client.get(where).status_code == 200
        assert client.get("/mine").status_code == 200
        assert client.get("/statistics").status_code == 200
        assert client.get("/statistics/days-light.svg").status_code == 200
        assert client.post("/api/v1/pictures", **form(encoded(comment="2"))).status_code == 201
        client.application.extensions["sweeper"].sweep()
        assert client.get(where).status_code == 200
        assert client.post(f"{where}/delete").status_code == 303


@pytest.mark.parametrize("jump", [-1, 1])
def test_a_clock_that_jumps_by_an_hour(client: FlaskClient, jump: int) -> None:
    before = post_picture(client, encoded()).location
    with time_machine.travel(datetime.now(UTC) + jump * HOUR):
        after = post_picture(client, encoded(comment="another")).location
        again = post_picture(client, encoded()).location
        client.application.extensions["sweeper"].sweep()
        for where in (before, after):
            assert client.get(where).status_code == 200
        assert again == before  # the same bytes are still the same result
    client.application.extensions["sweeper"].sweep()
    for where in (before, after):
        assert client.get(where).status_code == 200


def test_an_hour_later_the_page_is_unchanged_and_its_links_are_signed_anew(
    aws_client: FlaskClient,
) -> None:
    """The page links to the site, which redirects: a signed link in it would expire."""
    where = post_picture(aws_client, encoded()).location
    page = aws_client.get(where)
    picture = re.findall(r'<img src="([^"]+)"', page.text)[0]
    before = aws_client.get(picture).location
    with time_machine.travel(datetime.now(UTC) + HOUR):
        later = aws_client.get(where, headers={"If-None-Match": page.headers["ETag"]})
        after = aws_client.get(picture).location
    assert later.status_code == 304
    signed = [parse_qs(urlsplit(link).query) for link in (before, after)]
    moments = [datetime.fromisoformat(query["X-Amz-Date"][0]) for query in signed]
    assert moments[1] - moments[0] >= HOUR
    assert all(query["X-Amz-Expires"] == ["900"] for query in signed)

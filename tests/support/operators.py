"""Operators and labellers who have signed in: in a test client, and in a browser."""

from flask.testing import FlaskClient
from playwright.sync_api import Page

from rubberduck.accounts.links import Links
from rubberduck.accounts.operators import Operator, Operators, Role
from rubberduck.accounts.sessions import Sessions
from rubberduck.db.engine import Database
from rubberduck.services.pipeline import Pipeline
from rubberduck.web.sessions import site_id
from tests.support.server import Site


def sign_in(client: FlaskClient, name: str = "Ada", role: Role = "operator") -> Operator:
    """Give the client the session of a person of this name, who is added if there is none."""
    pipeline: Pipeline = client.application.extensions["pipeline"]
    database = pipeline.results.database
    operator = Operators(database).find_or_create(name, role)
    secret = Sessions(database).create(operator, "link", "a test")
    client.set_cookie(f"operator-{site_id(client.application)}", secret)
    return operator


def sign_in_page(page: Page, site: Site, name: str = "Ada", role: Role = "operator") -> Operator:
    """Sign in with a one-time link, as a person does, and stay on the page that follows."""
    database = Database(f"sqlite:///{site.log_file.parent / 'duck.db'}")
    try:
        operator = Operators(database).find_or_create(name, role)
        secret = Links(database).create(operator)
    finally:
        database.close()
    page.goto(f"{site.url}/sign-in/link?token={secret}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
    return operator

"""Operators, their links, sessions and acts, on SQLite and PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from rubberduck.accounts.audit import AuditLog
from rubberduck.accounts.errors import LinkRefused, NoSuchOperator, OperatorRemoved
from rubberduck.accounts.links import Links
from rubberduck.accounts.operators import Operators
from rubberduck.accounts.sessions import Sessions
from rubberduck.core.errors import InvalidParameter, NoSuchResult
from rubberduck.db.results import Results

ISSUER = "https://id.example"


def test_a_link_signs_in_once_although_many_open_it_at_once(any_results: Results) -> None:
    database = any_results.database
    people, links, sessions = Operators(database), Links(database), Sessions(database)
    ada = people.create("  Ada ")
    token = links.create(ada)

    def use(_: int) -> str:
        try:
            return sessions.create(links.use(token), "link", "Firefox\n\0" + 300 * "x")
        except LinkRefused:
            return ""

    with ThreadPoolExecutor(8) as pool:
        (secret,) = filter(None, pool.map(use, range(8)))
    found = sessions.authenticate(secret)
    assert found is not None
    session, person = found
    assert (person, session.how, len(session.browser)) == (ada, "link", 200)
    with database.transaction() as connection:
        for table in ("sign_in_links", "operator_sessions"):
            rows = str(connection.execute(text(f"SELECT * FROM {table}")).all())
            assert (token in rows, secret in rows) == (False, False)
    for wrong in ("", "\0" * 32, "ä" * 32, "\ud800" * 32):
        assert sessions.authenticate(wrong) is None
        with pytest.raises(LinkRefused, match="never valid"):
            links.use(wrong)
    other = people.create("Bob", "labeller")
    for id, whose in ((session.id, other.id), ("a\0b", ada.id)):
        with pytest.raises(NoSuchResult):
            sessions.revoke(id, whose)
    sessions.revoke(session.id, ada.id)
    assert sessions.authenticate(secret) is None


def test_removing_a_person_ends_everything_and_keeps_the_name(any_results: Results) -> None:
    database = any_results.database
    people, log = Operators(database), AuditLog(database)
    ada = people.signed_in_elsewhere(f"{ISSUER} 1", "Ada\n", "labeller")
    assert (ada.name, ada.role) == ("Ada", "labeller")
    assert people.signed_in_elsewhere(f"{ISSUER} 1", "Ada of today", "operator").is_operator
    assert people.signed_in_elsewhere(f"{ISSUER} 2", "Ada", "labeller").name == "Ada 2"
    assert people.signed_in_elsewhere(f"{ISSUER} 3", "\0\n", "labeller").name == "?"
    secret, link = Sessions(database).create(ada, "oidc", ""), Links(database).create(ada)
    people.remove("Ada")
    assert Sessions(database).authenticate(secret) is None
    with pytest.raises(LinkRefused):
        Links(database).use(link)
    with pytest.raises(OperatorRemoved):
        people.signed_in_elsewhere(f"{ISSUER} 1", "Ada", "operator")
    with pytest.raises(NoSuchOperator):
        people.remove("Ada")
    assert people.create("Ada").id == ada.id
    assert people.signed_in_elsewhere(f"{ISSUER} 1", "Ada", "operator").id == ada.id
    for name in ("", " ", "a\0", "x" * 81):
        with pytest.raises(InvalidParameter):
            people.create(name)
    log.add(ada.id, ada.name, "model.start", "mugs\0" + 300 * "x", units=2, price={"usd": 4})
    (entry,) = log.page()
    assert (entry.details, len(entry.object)) == ({"units": 2, "price": {"usd": 4}}, 200)

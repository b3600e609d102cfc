"""Random ids."""

import secrets

import pytest

from rubberduck.core.ids import random_id


def test_an_id_is_never_taken_for_an_option_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of 64 random texts begins with "-", and `flask model evaluate -sxw…` fails."""
    texts = iter(["-sxwSGJiiBvrvRcP", "--nothing", "swSGJiiBvrvRcP-_"])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _: next(texts))
    assert random_id() == "swSGJiiBvrvRcP-_"

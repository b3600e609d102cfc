"""Generated requests of every operation: each answer is valid, none is a fault of the server.

tests/soak/test_emulator.py sends 2,000.
"""

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rubberduck.core.settings import Settings
from tests.support.generated_requests import Asked, ask_generated


@pytest.fixture(scope="module")
def asked(emulator_app: Flask, emulator_settings: Settings) -> Asked:
    return Asked(emulator_app, emulator_settings.uploads)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_answer_is_valid(asked: Asked, data: st.DataObject) -> None:
    ask_generated(asked, data, 0.5)

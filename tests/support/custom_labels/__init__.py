"""A fake of Rekognition Custom Labels and Rekognition Video, spoken to over HTTP by real boto3.

It keeps state, refuses and drops what the service does, and holds requests and its own answers
against botocore's model of the service, maxima, patterns and enums included. Nothing waits: states
move with a clock of its own. It is part of the endpoint of `tests.support.fake_rekognition`.
"""

from tests.support.custom_labels.clock import Clock
from tests.support.custom_labels.faults import LOSE_ANSWER, LOSE_REQUEST, Lost, Refused
from tests.support.custom_labels.service import FakeCustomLabels

__all__ = ["LOSE_ANSWER", "LOSE_REQUEST", "Clock", "FakeCustomLabels", "Lost", "Refused"]

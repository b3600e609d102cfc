"""A fake of Rekognition Custom Labels and Rekognition Video, spoken to over HTTP by real boto3.

The emulator is no substitute here. It trains for real, on this machine's time and for nothing, so
that it has no hours to let pass, no bill to count, no copies, notices or face collections, and
never comes to half of the 14 states by itself. Its faces lack members that Amazon's have.

It keeps state, refuses and drops what the service does, and holds requests and its own answers
against botocore's model of the service, maxima, patterns and enums included. Nothing waits: states
move with a clock of its own. It is part of the endpoint of `tests.support.rekognition_endpoint`.
"""

from tests.support.custom_labels.clock import Clock
from tests.support.custom_labels.faults import LOSE_ANSWER, LOSE_REQUEST, Lost, Refused
from tests.support.custom_labels.service import FakeCustomLabels

__all__ = ["LOSE_ANSWER", "LOSE_REQUEST", "Clock", "FakeCustomLabels", "Lost", "Refused"]

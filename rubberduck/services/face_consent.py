"""What must be written down before a face may be stored: who agreed, when and how."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rubberduck.aws.collections_errors import ConsentMissing
from rubberduck.core.errors import InvalidParameter

if TYPE_CHECKING:
    from rubberduck.db.indexed_people import Consent

MAX_LABEL, MAX_FROM, MAX_HOW, MAX_NOTE = 80, 200, 200, 500  # characters
TIME_ZONES = timedelta(days=1)


def checked_consent(consent: "Consent", now: datetime) -> "Consent":
    """Return the consent, tidied. Raises ConsentMissing, InvalidParameter."""
    if not consent.given_by.strip() or not consent.how.strip():
        raise ConsentMissing("Without a recorded consent nobody's face is stored.")
    if consent.given_on > (now + TIME_ZONES).date():
        raise ConsentMissing("The day of the consent is in the future.")
    note = " ".join(consent.note.split())
    return replace(
        consent,
        given_by=checked(consent.given_by, MAX_FROM, "who"),
        how=checked(consent.how, MAX_HOW, "how"),
        note=checked(note, MAX_NOTE, "note") if note else "",
    )


def checked(value: str, most: int, name: str) -> str:
    value = value.strip()
    if not value or len(value) > most or not value.isprintable():
        raise InvalidParameter(
            "“{name}” must have 1 to {most} printable characters.", name=name, most=most
        )
    return value

"""The catalogues of texts in translations/, made by `make texts`."""

import gettext
from gettext import NullTranslations

from rubberduck.core.settings import TRANSLATIONS


def load_translations(language: str) -> NullTranslations:
    """Return the texts of a language; English is what the code and the templates say."""
    return gettext.translation("messages", TRANSLATIONS, [language], fallback=language == "en")

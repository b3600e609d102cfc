"""Jinja set-up: variables, filters, translations and styles for every template."""

import re
from datetime import datetime

from flask import Flask, g, request, url_for
from jinja2 import StrictUndefined
from markupsafe import Markup, escape

from rubberduck.core.rules import Question
from rubberduck.core.translations import load_translations
from rubberduck.detectors.model_file import DETECTOR_NAME
from rubberduck.pages.compiled_templates import CompiledTemplates
from rubberduck.services.pipeline import Offer
from rubberduck.web.deps import answering_models, known_objects, pipeline, readiness, settings, text
from rubberduck.web.formatting import rfc3339
from rubberduck.web.forms import refused, typed
from rubberduck.web.jobs import error_of, failure_of, line_of, message_of, outcome_of
from rubberduck.web.numbers import numbers, numbers_of
from rubberduck.web.operators import cookie_name
from rubberduck.web.security_headers import STATIC, compact, version
from rubberduck.web.sessions import form_token

STYLE = compact((STATIC / "style.css").read_text())


def configure_templates(app: Flask, question: Question, language: str) -> None:
    """Register filters, globals and the translations of `language` with the app."""
    environment = app.jinja_env
    environment.undefined = StrictUndefined
    environment.bytecode_cache = CompiledTemplates()
    written = numbers_of(language)
    for filter in (
        written.percent,
        written.threshold_percent,
        written.megabytes,
        written.thousands,
        written.decimals,
        rfc3339,
        detector_name,
        day,
        time_element,
        needs,
        code_spans,
        message_of,
        error_of,
        line_of,
        outcome_of,
    ):
        app.add_template_filter(filter)
    app.add_template_global(versioned)
    for helper in (form_token, refused, typed, failure_of):
        app.add_template_global(helper)
    app.context_processor(_site_context)
    # Embedded in the page, which saves a request.
    environment.globals["style"] = Markup(STYLE)
    environment.globals["logo"] = Markup((STATIC / f"{question.logo}.svg").read_text())
    environment.globals["language"] = language
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        load_translations(language)
    )


def _site_context() -> dict[str, object]:
    fallback_detector = pipeline().fallback_detector
    return {
        "fallback_detector": fallback_detector.name if fallback_detector else None,
        "question": pipeline().question,
        "offers": pipeline().offers,
        "models": answering_models().list(),
        "model": pipeline().model,
        "has_default_model": answering_models().default() is not None,
        "engine": pipeline().detector.name,
        "where": pipeline().storage.where,
        "max_bytes": pipeline().max_bytes,
        "megabytes": numbers().plain(pipeline().max_bytes / 1e6),
        "max_side": pipeline().max_side,
        "keep_days": settings().keep_days,
        "is_switched_off": settings().is_switched_off,
        "offers_faces": pipeline().open_faces is not None,
        "faces_with_gender": settings().faces == "all",
        "knows_objects": known_objects().exist(),
        "faces_at_amazon": settings().answering_engine == "rekognition",
        "is_live": pipeline().free_detector is not None,
        "is_online": readiness().is_ready_so_far,
        # Only where the page asked who signed in; the others ask no database, only for a cookie.
        "signed_in": g.get("operator"),
        "has_operator_cookie": cookie_name() in request.cookies,
        "offers_sign_in": request.endpoint == "about.api",
    }


def versioned(filename: str) -> str:
    """Return a static file's URL. It changes with the content, so that browsers may cache it."""
    return url_for("static", filename=filename, v=version(STATIC / filename))


def detector_name(name: str) -> str:
    """Return a detector's name for use in a sentence, translated."""
    return text("the embedded detector") if name == DETECTOR_NAME else text(name)


def day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d, %H:%M} UTC"  # the same in every language


def needs(offer: Offer) -> str:
    """Return which detector a question needs, in words."""
    if not pipeline().detector.cost_per_call_usd:
        return text("answered on this server")
    if offer.fallback_detector:
        return text("answered by Amazon Rekognition, or on this server")
    return text("needs Amazon Rekognition")


def time_element(moment: datetime) -> Markup:
    """Return a `<time>` element in UTC; js/times.js shows it in the visitor's time zone."""
    return Markup('<time datetime="{}">{}</time>').format(rfc3339(moment), day(moment))


def code_spans(text: str) -> Markup:
    """Return the text as HTML, with what is between backticks as code.

    >>> code_spans("`<id>` & co")
    Markup('<code>&lt;id&gt;</code> &amp; co')
    """
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))

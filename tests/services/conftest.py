"""A project to import into."""

import pytest

from rubberduck.custom_models.projects import Projects
from rubberduck.services.pipeline import Pipeline
from tests.support.importing import Importing


@pytest.fixture
def importing(pipeline: Pipeline) -> Importing:
    project = Projects(pipeline.results.database).create("Shapes", "boxes", [], "ada")
    return Importing(pipeline, project)

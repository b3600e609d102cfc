#!/bin/sh
# APIFlask 3.1.2 documents a body as an empty object when pydantic cannot describe it, and says
# nothing: PydanticAdapter.get_openapi_schema catches every exception (schema_adapters/pydantic.py).
# Expected: the error that pydantic itself raises, at the latest when the document is built.
# Found while choosing a library for the OpenAPI document of our API. Needs Python 3.11 or newer.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    apiflask==3.1.2 flask==3.1.3 pydantic==2.14.3
"$folder/venv/bin/python" - <<'PYTHON'
from typing import Annotated

from apiflask import APIFlask
from pydantic import BaseModel, ConfigDict, PlainSerializer, PydanticInvalidForJsonSchema
from werkzeug.datastructures import ETags


class Body(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    name: str
    etags: Annotated[ETags, PlainSerializer(str)]


try:
    Body.model_json_schema()
except PydanticInvalidForJsonSchema as error:
    print("expected: as pydantic 2.14.3,", str(error).splitlines()[0])
else:
    raise SystemExit("changed: pydantic describes this body now; choose another one")

app = APIFlask(__name__)


@app.get("/version")
@app.output(Body)
def version():
    return Body(name="draft", etags=ETags(["a1"]))


assert app.test_client().get("/version").json == {"name": "draft", "etags": '"a1"'}
with app.app_context():
    documented = app.spec["components"]["schemas"]["Body"]
print("found: the route works, and APIFlask 3.1.2 documents its body as", documented)
if documented != {"type": "object", "title": "Body"}:
    raise SystemExit("changed: APIFlask no longer hides the error")
PYTHON

"""The OpenAPI 3.1 document of the JSON API, at /api/openapi.json and as the page /api.

`builders` has the functions that describe an operation; `document` adds the schemas, headers,
examples and texts.
May import api's routes and schemas, web and core; only app.py and pages import it.

pydantic writes the schemas. The rest is ours because no library gives the same document, tried
with pydantic 2.14 and `POST /pictures` (341 values in the operation and the schemas):
- APIFlask 3.1 (49 of them), flask-smorest 0.47 and flask-openapi3 4.3 (169) accept no dataclass as
  a body, and their errors are not problem+json; smorest needs every schema as a finished dict.
- spectree 3.0 (58) accepts dataclasses, but documents every error as application/json, and has no
  response headers, links, examples or extensions.
- openapi-pydantic 0.6 accepts no dataclass, turns the limit 100 into 100.0, and adds 220 ms to the
  start.
- apispec 6.10 gives the same document from finished dicts, but would replace only `ref`.
The documentation pages of APIFlask and spectree load scripts from a CDN, which our CSP forbids.
"""

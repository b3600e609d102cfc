"""The OpenAPI 3.1 document of the JSON API, at /api/openapi.json and as the page /api.

`operations` describes each operation; `document` adds the schemas, headers, examples and texts.
May import api's routes and schemas, web and core; only app.py and pages import it.

pydantic writes the schemas. The rest is ours because no library gives this document (tried with
pydantic 2.14 and `POST /pictures`: its schemas, problem+json errors, headers and links):
APIFlask 3.1, flask-smorest 0.47 and flask-openapi3 4.3 take no dataclass as a body and answer
invalid requests with their own error body instead of problem+json. spectree 3.0 takes dataclasses,
but writes every error as application/json and has no response headers, links or examples.
openapi-pydantic 0.6 takes no dataclass either, turns the limit 100 into 100.0, and is 220 ms of
imports. apispec 6.10 gives the same document from finished dictionaries, but replaces only `ref`.
APIFlask and spectree load their page from another site, which our CSP forbids.
"""

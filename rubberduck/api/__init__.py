"""The JSON API: routes, response bodies, and its OpenAPI description in `openapi`.

May import: core to web.
"""

"""The OpenAPI document of the JSON API.

May import: core to web, and rubberduck.api.
"""

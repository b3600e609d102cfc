"""The HTML pages, one module for each group, and what every template can use.

May import: core to api.
"""

"""The vocabulary of the product: models, errors, settings, and the rule from labels to a verdict.

May import: only pydantic and the standard library.
"""

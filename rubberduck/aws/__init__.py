"""What AWS services have in common: their refusals, and what an operator can do about each.

May import: core.
"""

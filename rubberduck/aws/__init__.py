"""What all AWS services share: error codes and what an operator can do about each.

May import: core.
"""

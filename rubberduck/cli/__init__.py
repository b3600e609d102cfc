"""The commands of `flask`, one module for each group.

May import: core to web and evaluation.
"""

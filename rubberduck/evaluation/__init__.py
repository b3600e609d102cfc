"""Measure a detector on labelled pictures: run it, report figures, draw plots.

May import: core to services.
"""

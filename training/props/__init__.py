"""Rubber ducks, costumes, look-alikes, household objects, and their sprites.

Imports rendering.
"""

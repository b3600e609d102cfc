"""Metrics, the second pass, ablations, the validation set and the model card.

Imports everything else.
"""

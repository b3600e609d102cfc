"""How good answers are: precision, recall, AUC and box overlap. (Prometheus metrics live in web.)

May import: core.
"""

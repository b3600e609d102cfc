"""Labels of an operator's own: data sets, their formats, checks before training, and splits.

Nothing here is imported before it is used: a site that only looks for ducks never loads it.

May import: core, imaging, db, aws, scoring, storage, billing, accounts, detectors.
"""

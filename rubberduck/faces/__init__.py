"""Faces in pictures: boxes, smiles, expressions and ages.

Identifies nobody: collections and celebrities are asked for at Amazon, in aws.
May import: core, imaging, db, aws, scoring, storage, billing, accounts, jobs, detectors.
"""

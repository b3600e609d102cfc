"""Named objects: "Which duck is it?" by the embedded detector's features; no faces, no biometrics.

May import from core, imaging, db, storage, detectors and custom_models.
"""

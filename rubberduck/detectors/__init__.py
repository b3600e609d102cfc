"""What finds labels in a picture: the Detector protocol, the embedded model, and wrappers.

May import: core, imaging, db, aws, scoring, storage, billing.
"""

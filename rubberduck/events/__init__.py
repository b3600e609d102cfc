"""Pictures that arrive by themselves: in a bucket (S3's events) or in a watched folder.

The same handler serves the worker, which polls a queue, and the function at AWS Lambda.
May import: core, imaging, db, aws, scoring, storage, billing, services.
"""

"""Where pictures are stored: the Storage protocol, a folder, an S3 bucket.

May import: core, imaging, db, aws.
"""

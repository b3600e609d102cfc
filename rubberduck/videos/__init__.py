"""Videos: what is inside a file, its frames at their true times, objects followed through them.

PyAV is imported only by the decoding child. Rows are in `store`; the jobs are services'.
May import: core, imaging, db, aws, scoring, storage, billing, accounts, jobs, detectors.
"""

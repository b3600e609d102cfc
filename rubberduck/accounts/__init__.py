"""Who may do what: tokens for programs.

May import: core, imaging, db, aws.
"""

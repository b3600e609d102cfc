"""Who may do what: operators, how they sign in, and tokens for programs.

May import: core, imaging, db, aws.
"""

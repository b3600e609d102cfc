"""What calls cost: the budget that limits them and the spending report.

May import: core, imaging, db, aws.
"""

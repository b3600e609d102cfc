"""Long work: its rows, the worker that runs it, and what its functions may call.

Other packages use `registry.job` and `context.Context`, never the engine (DBOS). Only
worker.py imports `engine`; the site reads and writes rows (`queue`, `store`).
May import: core, imaging, db, aws, scoring.
"""

"""The results database: engine, tables, rows, deduplication and daily statistics.

May import: core.
"""

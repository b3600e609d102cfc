"""Pixels: decode and check what visitors send, and draw boxes on it.

May import: core.
"""

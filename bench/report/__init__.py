"""Measured figures as Markdown, JSON lines, and docs/speed.md.

May import bench.harness.figures and rubberduck.core.settings; knows no scenario.
"""

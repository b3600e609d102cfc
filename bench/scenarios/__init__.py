"""The measured scenarios: a function for each, which yields what was measured, by its own name.

May import bench.harness, what the harness may import, and sites of bench.peers to compare with;
never bench.capacity or bench.report.
"""

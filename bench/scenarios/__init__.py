"""One module for each measured scenario; its `run(rounds)` yields what was measured.

May import bench.harness, what the harness may import, and sites of bench.peers to compare with;
never bench.capacity or bench.report.
"""

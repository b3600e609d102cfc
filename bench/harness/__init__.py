"""What the scenarios share: timing, pictures, servers, load, AWS endpoints, databases.

May import rubberduck, the top level (app, composition, db_setup, rekognition) and tests/support;
never bench.scenarios, bench.peers, bench.capacity or bench.report.
"""

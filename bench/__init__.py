"""`python -m bench`: compares the site with a lower bound and with other implementations.

harness/ measures, scenarios/ and peers/ say what, report/ shows it, capacity/ models many machines.
bench may import rubberduck, the top level and tests/support; nothing but tests imports bench.
"""

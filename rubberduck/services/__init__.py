"""What the site does: the path of a picture, retention, samples, readiness.

May import: everything below: core to detectors.
"""

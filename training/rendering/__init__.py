"""Signed distance fields, a ray marcher, lighting and colours. Imports nothing else of training."""

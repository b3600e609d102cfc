"""A model of many machines: what they carry, what a month costs, which part is too small first.

It measures nothing: `model` reads the measured figures of docs/speed, and `aws_prices_and_quotas`
holds AWS's published numbers. `scale_page` fills docs/scale.md. May import
bench.harness.figures, bench.report, the titles of bench.scenarios, and rubberduck.core.settings.
"""

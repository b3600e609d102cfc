"""Other ways to do the same work, to compare ours with: Gradio, supervision, the original site.

`gradio_app` and `supervision_drawing` run in .venv-bench, which has their libraries; `comparison`
is the scenario `peers`. May import bench.harness, bench.scenarios and what they may import.
"""

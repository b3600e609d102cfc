"""The net, its targets and training, calibration, quantization and ONNX export.

Imports dataset.
"""

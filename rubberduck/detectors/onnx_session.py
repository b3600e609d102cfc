"""Open ONNX models with onnxruntime, all with the same options."""

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as engine

# What onnxruntime raises for broken files; its errors have no common base class.
ENGINE_ERRORS = (
    engine.Fail,
    engine.InvalidArgument,
    engine.InvalidGraph,
    engine.InvalidProtobuf,
    engine.NoModel,
    engine.NotImplemented,
    engine.RuntimeException,
    RuntimeError,
    ValueError,
)


def open_session(model: bytes) -> onnxruntime.InferenceSession:
    """Return a session of a serialised ModelProto. Raises ENGINE_ERRORS for a broken one."""
    options = onnxruntime.SessionOptions()
    # One thread: several pictures are analysed at once, and thread pools do not survive a fork.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # fatal only: the caller reports errors of the file
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

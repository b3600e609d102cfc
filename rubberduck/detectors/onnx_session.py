"""Open ONNX models with onnxruntime, all with the same options."""

import threading
from typing import Any

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as engine

from rubberduck.core.resources import available_cpus

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


# onnxruntime keeps the memory of as many passes as ever ran at once, 8 MB each of the duck detector
# (61 MB after eight threads). More passes at once than CPUs are not faster.
_passes = threading.BoundedSemaphore(available_cpus())


class Session(onnxruntime.InferenceSession):  # type: ignore[misc]
    """A session that waits for a free CPU: all sessions together run one pass on each."""

    def run(self, *arguments: Any, **options: Any) -> Any:
        with _passes:
            return super().run(*arguments, **options)


def open_session(model: bytes) -> Session:
    """Return a session of a serialised ModelProto. Raises ENGINE_ERRORS for a broken one."""
    options = onnxruntime.SessionOptions()
    # One thread: several pictures are analysed at once, and thread pools do not survive a fork.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # fatal only: the caller reports errors of the file
    return Session(model, options, providers=["CPUExecutionProvider"])

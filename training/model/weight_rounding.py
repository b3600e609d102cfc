"""Round weights to integers with GPTQ: later weights compensate for earlier rounding errors."""

import numpy as np

DAMPING = 0.01


def round_weights(rows: np.ndarray, moments: np.ndarray, max_weight: int) -> np.ndarray:
    """Return rows of weights, in steps, as integers from -max_weight to max_weight.

    One column after the other is rounded; the columns after it compensate (GPTQ, arXiv:2210.17323).

    `moments` (inputs, inputs): the uncentred covariance of the layer's inputs.
    """
    order = np.argsort(-np.diag(moments))
    eye = np.eye(len(moments))
    damped = moments[order][:, order] + eye * (DAMPING * np.diag(moments).mean() + 1e-8)
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    left, whole = rows[:, order].copy(), np.empty_like(rows)
    for i in range(len(moments)):
        whole[:, order[i]] = np.clip(np.round(left[:, i]), -max_weight, max_weight)
        off = (left[:, i] - whole[:, order[i]]) / upper[i, i]
        left[:, i:] -= off[:, None] * upper[i, i:]
    return whole

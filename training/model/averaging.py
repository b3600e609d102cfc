"""Average a fine-tuned net with the net that it started from, weight by weight."""

from collections.abc import Mapping
from typing import Any


def averaged(
    start: Mapping[str, Any], tuned: Mapping[str, Any], tuned_share: float
) -> dict[str, Any]:
    """Return weights between those of two nets; arrays or tensors by parameter name.

    This is WiSE-FT (Wortsman et al., "Robust fine-tuning of zero-shot models", arXiv:2109.01903):
    a fine-tuned net is better on pictures like those it was tuned on and can be worse on others;
    the mean with its start keeps most of the one and loses less of the other. Both must have the
    same architecture and one must come from the other, or the mean is no useful net.

    Raises ValueError where the names differ.
    """
    if start.keys() != tuned.keys():
        raise ValueError(f"not the same net: {sorted(start.keys() ^ tuned.keys())}")
    return {name: (1 - tuned_share) * start[name] + tuned_share * tuned[name] for name in start}

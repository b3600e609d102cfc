"""Average fine-tuned nets with the net that they started from, weight by weight."""

from collections.abc import Mapping, Sequence
from typing import Any


def averaged(nets: Sequence[Mapping[str, Any]], shares: Sequence[float]) -> dict[str, Any]:
    """Return the weighted mean of several nets' weights; arrays or tensors by parameter name.

    This is WiSE-FT (Wortsman et al., "Robust fine-tuning of zero-shot models", arXiv:2109.01903):
    a fine-tuned net is better on pictures like those it was tuned on and can be worse on others;
    the mean with its start keeps most of the one and loses less of the other. Several fine-tunings
    make it a model soup. All must have the same architecture and come from the same start, or the
    mean is no useful net.

    Raises ValueError where the names differ, or nets and shares in number.
    """
    names = nets[0].keys()
    for net in nets:
        if net.keys() != names:
            raise ValueError(f"not the same net: {sorted(names ^ net.keys())}")
    return {
        name: sum(share * net[name] for net, share in zip(nets, shares, strict=True))
        for name in names
    }

"""The trainable net out of a file that ships: whole-number weights, turned back into floats.

Batch norm is folded into the convolutions, as it is in the file. The rounding of the file stays in
the weights; training goes on from there.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from training.model.net import FROZEN, Net

# Each convolution's batch norm, in a block and around the blocks.
IN_BLOCK = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
AROUND = (("_conv_stem", "_bn0"), ("_conv_head", "_bn1"))


def folded(net: Net) -> Net:
    """Return the net with batch norm folded into its convolutions; the answers stay."""
    pairs = [(net.trunk, *names) for names in AROUND]
    pairs += [(block, *names) for block in net.trunk._blocks for names in IN_BLOCK]
    for owner, convolution, norm in pairs:
        if hasattr(owner, convolution):  # the first block has no expansion
            fused = fuse_conv_bn_eval(getattr(owner, convolution), getattr(owner, norm))
            setattr(owner, convolution, fused)
            setattr(owner, norm, nn.Identity())
    return net


def load_shipped(path: Path) -> Net:
    """Return the folded net with the file's weights; the frozen blocks keep ImageNet's floats.

    Raises ValueError where the file's layers are not this net's.
    """
    net = folded(Net().eval())
    modules = dict(net.named_modules())
    model = onnx.load(path)
    values = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    made_by = {name: node for node in model.graph.node for name in node.output}

    def floats(name: str) -> np.ndarray:
        if name in values:
            return values[name]
        whole, step, zero = (values[each] for each in made_by[name].input)
        shape = (-1, *[1] * (whole.ndim - 1)) if step.ndim else ()
        return (whole.astype(np.float32) - zero.reshape(shape)) * step.reshape(shape)

    loaded = 0
    with torch.no_grad():
        for node in model.graph.node:
            if node.op_type not in {"Conv", "Gemm"}:
                continue
            module = modules[_module_name(node.name)]
            for parameter, name in zip((module.weight, module.bias), node.input[1:], strict=False):
                parameter.copy_(torch.from_numpy(floats(name).copy()))
                loaded += 1
    expected = len(list(net.parameters()))
    if loaded != expected:
        raise ValueError(f"{path} has {loaded} of the net's {expected} weights")
    untouched = folded(Net().eval()).trunk
    net.trunk._conv_stem.load_state_dict(untouched._conv_stem.state_dict())
    net.trunk._blocks[:FROZEN].load_state_dict(untouched._blocks[:FROZEN].state_dict())
    return net


def _module_name(node: str) -> str:
    """/net/_blocks.3/_expand_conv/Conv → trunk._blocks.3._expand_conv"""
    parts = node.split("/")[2:-1]
    if parts[0] == "head":
        return f"head.{'mix.' + parts[-1].removeprefix('mix.') if 'mix' in parts else parts[-1]}"
    return ".".join(parts) if parts[0] == "overall" else "trunk." + ".".join(parts)

"""Runs a small ONNX model in torch: weights from the file, one function per operator. For comparisons only."""

import numpy
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper


def _attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _pads(x, a, value=0.0):
    """Explicit padding, for kernels whose begin and end differ; pads are [begin..., end...]."""
    pads = list(a.get("pads", []))
    if not any(pads):
        return x, 0
    half = len(pads) // 2
    if pads[:half] == pads[half:]:
        return x, tuple(pads[:half])
    both = []
    for i in reversed(range(half)):
        both += [pads[i], pads[half + i]]
    return F.pad(x, both, value=value), 0


def _conv(a, x, w, b=None):
    x, pad = _pads(x, a)
    return F.conv2d(x, w, b, tuple(a.get("strides", [1, 1])), pad, tuple(a.get("dilations", [1, 1])), a.get("group", 1))


def _max_pool(a, x):
    x, pad = _pads(x, a, -float("inf"))
    kernel = a["kernel_shape"]
    return F.max_pool2d(x, tuple(kernel), tuple(a.get("strides", [1] * len(kernel))), pad)


def _average_pool(a, x):
    kernel = a["kernel_shape"]
    pads = a.get("pads", [0, 0, 0, 0])
    return F.avg_pool2d(
        x, tuple(kernel), tuple(a.get("strides", [1] * len(kernel))), tuple(pads[:2]),
        count_include_pad=bool(a.get("count_include_pad", 0)),
    )


def _gemm(a, x, w, b=None):
    x = x.t() if a.get("transA", 0) else x
    if not a.get("transB", 0):
        w = w.t()
    if a.get("alpha", 1.0) == 1.0 and (b is None or a.get("beta", 1.0) == 1.0):
        return F.linear(x, w, b)
    y = a.get("alpha", 1.0) * F.linear(x, w)
    return y if b is None else y + a.get("beta", 1.0) * b


OPERATORS = {
    "Conv": _conv,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": lambda a, x: x.mean(dim=(2, 3), keepdim=True),
    "Gemm": _gemm,
    "MatMul": lambda a, x, y: x @ y,
    "Add": lambda a, x, y: x + y,
    "Sub": lambda a, x, y: x - y,
    "Mul": lambda a, x, y: x * y,
    "Div": lambda a, x, y: x / y,
    "Relu": lambda a, x: F.relu(x),
    "Tanh": lambda a, x: torch.tanh(x),
    "Sigmoid": lambda a, x: torch.sigmoid(x),
    "Flatten": lambda a, x: x.flatten(a.get("axis", 1)),
    "Reshape": lambda a, x, shape: x.reshape([x.shape[0]] + [int(d) for d in shape[1:]]),
    "Identity": lambda a, x: x,
    "Dropout": lambda a, x, *rest: x,
    "BatchNormalization": lambda a, x, scale, bias, mean, var: F.batch_norm(
        x, mean, var, scale, bias, False, 0.0, a.get("epsilon", 1e-5)
    ),
}


class OnnxModule(torch.nn.Module):
    """The graph as a torch function of one input [batch, ...]; raises where an operator is not in the table."""

    def __init__(self, path):
        super().__init__()
        graph = onnx.load(path).graph
        stored = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant":
                stored[node.output[0]] = torch.from_numpy(numpy_helper.to_array(_attributes(node)["value"]).copy())
        self.stored = stored
        self.input = next(i.name for i in graph.input if i.name not in stored)
        self.shape = [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim][1:]
        self.output = graph.output[0].name
        self.steps = []
        for node in graph.node:
            if node.op_type == "Constant":
                continue
            if node.op_type not in OPERATORS:
                raise NotImplementedError(f"{node.op_type} is not in the table of onnx_torch.py")
            self.steps.append((OPERATORS[node.op_type], _attributes(node), list(node.input), list(node.output)))

    def forward(self, x):
        values = {self.input: x.reshape([x.shape[0], *self.shape])}
        for run, attributes, inputs, outputs in self.steps:
            asked = [values.get(name, self.stored.get(name)) for name in inputs if name]
            values[outputs[0]] = run(attributes, *asked)
        return values[self.output]


def batched(model, x, size=250):
    with torch.no_grad():
        return torch.cat([model(x[i : i + size]) for i in range(0, len(x), size)])


def load_array(path):
    return torch.from_numpy(numpy.load(path))

"""Writes fixtures/quantised.json: small seeded graphs on 8-bit numbers and what ONNX Runtime answers on a CPU.

Run again after adding a case, in a virtual environment that is no part of the project:

    pip install numpy onnx onnxruntime
    python test/conformance/onnx/quantised-cases.py

Weights, scales and zero points are constants of the graphs. `programs` names the instructions the graph must become where
they matter. Tensors are base64 of little-endian elements.
"""

import base64
import json
import os

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

DTYPES = {"float32": "f32", "int8": "i8", "uint8": "u8", "int32": "i32", "int64": "i64"}
rng = np.random.default_rng(11)
cases = []


def encode(array):
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape), "data": data}


def attribute(value):
    if isinstance(value, (list, tuple)):
        return {"type": "floats" if isinstance(value[0], float) else "ints", "value": list(value)}
    return {"type": {int: "int", float: "float", str: "string"}[type(value)], "value": value}


def f(*shape, scale=1.0):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def codes(dtype, *shape):
    low, high = (0, 256) if dtype == np.uint8 else (-128, 128)
    return rng.integers(low, high, shape).astype(dtype)


def s(value, dtype=np.float32):
    return np.array(value, dtype)


class Net:
    """A graph in the making; operands are names of values or arrays, which become constants."""

    def __init__(self, **inputs):
        self.inputs, self.constants, self.nodes = inputs, {}, []

    def name(self, operand):
        if operand is None or isinstance(operand, str):
            return operand or ""
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(operand)
        return name

    def op(self, kind, *operands, outputs=1, **attributes):
        domain, _, kind = kind.rpartition("/")
        results = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append((domain, kind, [self.name(o) for o in operands], results, attributes))
        return results[0] if outputs == 1 else results

    def dq(self, x, scale, zero, **attributes):
        return self.op("DequantizeLinear", x, scale, zero, **attributes)

    def q(self, x, scale, zero, **attributes):
        return self.op("QuantizeLinear", x, scale, zero, **attributes)

    def qdq(self, x, scale, zero):
        return self.dq(self.q(x, scale, zero), scale, zero)

    def case(self, name, outputs, programs=None):
        outputs = [outputs] if isinstance(outputs, str) else outputs
        nodes = [helper.make_node(k, i, o, domain=d, **a) for d, k, i, o, a in self.nodes]
        infos = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape) for n, x in self.inputs.items()]
        weights = [numpy_helper.from_array(x, n) for n, x in self.constants.items()]
        graph = helper.make_graph(nodes, "g", infos, [onnx.ValueInfoProto(name=n) for n in outputs], weights)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        answers = session.run(outputs, self.inputs)
        stored = [{"domain": d, "op": k, "inputs": i, "outputs": o, "attributes": {n: attribute(v) for n, v in a.items()}} for d, k, i, o, a in self.nodes]
        cases.append({
            "name": name, "programs": programs or [], "nodes": stored,
            "constants": {n: encode(x) for n, x in self.constants.items()},
            "inputs": {n: encode(x) for n, x in self.inputs.items()},
            "outputs": {n: encode(x) for n, x in zip(outputs, answers)},
        })


KINDS = {"u8": np.uint8, "i8": np.int8}
X_ZERO = {"u8": 113, "i8": -9}
W_ZERO = {"u8": 131, "i8": 5}


def weight_grid(kind, count, per_channel):
    """Scales and zero points of a weight."""
    if not per_channel:
        return s(0.011), s(W_ZERO[kind], KINDS[kind])
    zeros = rng.integers(120, 140, count) if kind == "u8" else np.zeros(count)
    return np.abs(f(count, scale=0.01)) + s(0.002), zeros.astype(KINDS[kind])


def products():
    for a in KINDS:
        for b in KINDS:
            for per_channel in (False, True):
                net = Net(x=f(5, 33))
                x = net.qdq("x", s(0.027), s(X_ZERO[a], KINDS[a]))
                w = net.dq(codes(KINDS[b], 33, 18), *weight_grid(b, 18, per_channel), **({"axis": 1} if per_channel else {}))
                y = net.op("Add", net.op("MatMul", x, w), f(18))
                net.case(f"MatMul {a} by {b}{' per channel' if per_channel else ''}", y, ["map", "quantised_matmul"])

    net = Net(x=f(2, 3, 16))
    x = net.qdq("x", s(0.02), s(128, np.uint8))
    parts = [net.op("MatMul", x, net.dq(codes(np.int8, 16, 8), np.abs(f(8, scale=0.01)), np.zeros(8, np.int8), axis=1)) for _ in range(3)]
    net.case("three products of one input", parts, ["map"] + 3 * ["quantised_matmul"])

    net = Net(x=f(4, 16), r=f(4, 6))
    x = net.qdq("x", s(0.02), s(0, np.int8))
    bias = net.dq(rng.integers(-5000, 5000, 6).astype(np.int32), np.abs(f(6, scale=1e-4)), None, axis=0)
    y = net.op("Gemm", x, net.dq(codes(np.int8, 6, 16), np.abs(f(6, scale=0.01)), None, axis=0), bias, transB=1)
    y = net.op("Relu", net.op("Add", y, "r"))
    net.case("Gemm with a whole bias, a residual and an activation", y, ["map", "quantised_matmul"])

    net = Net(x=f(4, 16))
    w = net.op("Transpose", net.dq(codes(np.int8, 6, 16), np.abs(f(6, scale=0.01)), np.zeros(6, np.int8), axis=0), perm=[1, 0])
    net.case("MatMul by a turned weight", net.op("MatMul", net.qdq("x", s(0.02), s(0, np.int8)), w), ["map", "quantised_matmul"])

    net = Net(x=codes(np.uint8, 3, 16))
    h = net.op("MatMul", net.dq("x", s(0.02), s(119, np.uint8)), net.dq(codes(np.int8, 16, 12), s(0.01), s(0, np.int8)))
    h = net.qdq(net.op("Relu", h), s(0.03), s(0, np.uint8))
    h = net.op("MatMul", h, net.dq(codes(np.uint8, 12, 7), s(0.01), s(128, np.uint8)))
    net.case("layers from codes to codes", net.q(h, s(0.05), s(3, np.int8)), ["quantised_matmul", "map", "quantised_matmul", "map"])

    net = Net(x=f(4, 16))
    grid = (s(0.02), s(119, np.uint8))
    h = net.q(net.op("Transpose", net.qdq("x", *grid), perm=[1, 0]), *grid)
    w = net.dq(codes(np.int8, 4, 6), s(0.01), s(0, np.int8))
    net.case("codes moved before a product", net.op("MatMul", net.dq(h, *grid), w), ["map", "copy", "quantised_matmul"])

    net = Net(x=f(4, 16))
    x = net.qdq("x", s(0.02), s(117, np.uint8))
    y = net.op("MatMul", x, net.dq(codes(np.int8, 16, 16), s(0.01), s(0, np.int8)))
    net.case("a quantised value that is a residual too", net.op("Add", y, x), ["map", "map", "quantised_matmul"])

    net = Net(x=f(4, 16))
    w = net.dq(codes(np.int8, 16, 6), np.abs(f(16, scale=0.01)), np.zeros(16, np.int8), axis=0)
    net.case("scales along the inner axis stay floats", net.op("MatMul", net.qdq("x", s(0.02), s(0, np.int8)), w), ["map", "matmul"])


def convolutions():
    for a in KINDS:
        for b in KINDS:
            for groups, (channels, filters) in ((1, (5, 6)), (3, (6, 9)), (8, (8, 8))):
                net = Net(x=f(2, channels, 7, 6))
                x = net.qdq("x", s(0.025), s(X_ZERO[a], KINDS[a]))
                scale, zero = weight_grid(b, filters, groups != 3)
                w = net.dq(codes(KINDS[b], filters, channels // groups, 3, 3), scale, zero, **({"axis": 0} if groups != 3 else {}))
                bias = net.dq(rng.integers(-900, 900, filters).astype(np.int32), s(1e-3), None)
                y = net.op("Conv", x, w, bias, pads=[1, 0, 2, 1], strides=[2, 1], group=groups)
                net.case(f"Conv {a} by {b} in {groups} groups", net.op("Relu", y), ["quantised_conv"])

    net = Net(x=f(1, 4, 12))
    x = net.qdq("x", s(0.025), s(100, np.uint8))
    y = net.op("Conv", x, net.dq(codes(np.int8, 5, 4, 3), np.abs(f(5, scale=0.01)), np.zeros(5, np.int8), axis=0), f(5), pads=[2, 2], dilations=[2])
    net.case("Conv of a signal", net.q(y, s(0.1), s(10, np.uint8)), ["quantised_conv"])

    net = Net(x=codes(np.uint8, 1, 3, 8, 8))
    h = net.dq("x", s(0.02), s(128, np.uint8))
    skip = None
    for inputs, outputs in ((3, 8), (8, 8), (8, 8)):
        w = net.dq(codes(np.int8, outputs, inputs, 3, 3), np.abs(f(outputs, scale=0.005)) + s(0.001), np.zeros(outputs, np.int8), axis=0)
        h = net.op("Conv", h, w, f(outputs), pads=[1, 1, 1, 1])
        if skip:
            h = net.op("Add", h, skip)
        h = net.qdq(net.op("Relu", h), s(0.03), s(0, np.uint8))
        skip = h
    h = net.qdq(net.op("MaxPool", h, kernel_shape=[2, 2], strides=[2, 2]), s(0.03), s(0, np.uint8))
    h = net.qdq(net.op("GlobalAveragePool", h), s(0.02), s(0, np.uint8))
    net.case("a small picture network", net.q(net.op("Flatten", h), s(0.02), s(0, np.uint8)), 3 * ["quantised_conv"])


def dynamic():
    for kind in KINDS:
        net = Net(x=f(2, 3, 17))
        x, scale, zero = net.op("DynamicQuantizeLinear", "x", outputs=3)
        y = net.op("MatMulInteger", x, codes(KINDS[kind], 17, 9), zero, s(W_ZERO[kind], KINDS[kind]))
        y = net.op("Mul", net.op("Cast", y, to=1), net.op("Mul", scale, s(0.013)))
        net.case(f"MatMulInteger by {kind} with a scale found while running", net.op("Add", f(9), y), ["quantised_matmul"])

    net = Net(x=f(1, 3, 6, 6))
    x, scale, zero = net.op("DynamicQuantizeLinear", "x", outputs=3)
    y = net.op("ConvInteger", x, codes(np.uint8, 4, 3, 3, 3), zero, s(120, np.uint8), pads=[1, 1, 1, 1])
    y = net.op("Mul", net.op("Cast", y, to=1), net.op("Mul", scale, s(0.013)))
    net.case("ConvInteger with a scale found while running", net.op("Relu", net.op("Add", y, f(1, 4, 1, 1))), ["quantised_conv"])

    net = Net(x=f(3, 16))
    outputs = list(net.op("DynamicQuantizeLinear", "x", outputs=3))
    net.case("a dynamic quantisation", outputs, ["reduce", "map"])

    net = Net(x=f(2, 3, 16))
    y = net.op("com.microsoft/DynamicQuantizeMatMul", "x", codes(np.int8, 16, 5), np.abs(f(5, scale=0.1)), None, f(5))
    net.case("DynamicQuantizeMatMul", y, ["quantised_matmul"])
    net = Net(x=f(2, 3, 16))
    y = net.op("com.microsoft/DynamicQuantizeMatMul", "x", codes(np.uint8, 16, 5), s([0.02]), s([121], np.uint8))
    net.case("DynamicQuantizeMatMul with a zero point", net.op("Relu", y), ["quantised_matmul"])
    net = Net(x=codes(np.uint8, 3, 16))
    y = net.op("com.microsoft/MatMulIntegerToFloat", "x", codes(np.int8, 16, 5), s(0.1), f(5), s(7, np.uint8), np.zeros(5, np.int8), f(5))
    net.case("MatMulIntegerToFloat", y, ["quantised_matmul"])


def whole():
    for a in KINDS:
        net = Net(x=codes(KINDS[a], 4, 24))
        net.case(f"MatMulInteger of {a}", net.op("MatMulInteger", "x", codes(np.int8, 24, 9), s(X_ZERO[a], KINDS[a]), s(3, np.int8)), ["quantised_matmul", "map"])
    net = Net(x=codes(np.uint8, 1, 2, 5, 5))
    y = net.op("ConvInteger", "x", codes(np.uint8, 3, 2, 3, 3), s(100, np.uint8), s(130, np.uint8), pads=[1, 1, 1, 1])
    net.case("ConvInteger", y, ["quantised_conv", "map"])

    for a in KINDS:
        for b in KINDS:
            if (a, b) == ("i8", "u8"):
                continue
            net = Net(x=codes(KINDS[a], 9, 40))
            scale, zero = weight_grid(b, 14, True)
            y = net.op("QLinearMatMul", "x", s(0.0213), s(X_ZERO[a], KINDS[a]), codes(KINDS[b], 40, 14), scale, zero, s(0.0371), s(X_ZERO[a], KINDS[a]))
            net.case(f"QLinearMatMul {a} by {b}", y, ["quantised_matmul", "map"])
    net = Net(a=codes(np.uint8, 2, 5, 16), b=codes(np.uint8, 2, 16, 7))
    y = net.op("QLinearMatMul", "a", s(0.0213), s(113, np.uint8), "b", s(0.0117), s(99, np.uint8), s(0.0371), s(120, np.uint8))
    net.case("QLinearMatMul of two computed operands", y, ["batched_matmul", "map"])
    for a, b in (("u8", "u8"), ("u8", "i8"), ("i8", "i8")):
        net = Net(x=codes(KINDS[a], 1, 4, 7, 7))
        grid, out = (s(0.0213), s(X_ZERO[a], KINDS[a])), (s(0.0917), s(X_ZERO[a], KINDS[a]))
        bias = rng.integers(-9000, 9000, 6).astype(np.int32)
        scale, zero = (s(0.0113), s(128, np.uint8)) if b == "u8" else (np.abs(f(6, scale=0.01)) + s(0.002), np.zeros(6, np.int8))
        h = net.op("QLinearConv", "x", *grid, codes(KINDS[b], 6, 4, 3, 3), scale, zero, *out, bias, pads=[1, 1, 1, 1])
        net.case(f"QLinearConv {a} by {b}", h, ["quantised_conv"])
        w = codes(KINDS[b], 6, 1, 3, 3)
        h = net.op("QLinearConv", h, *out, w, s(0.0113), s(128 if b == "u8" else 0, KINDS[b]), *out, group=6, strides=[2, 2])
        net.case(f"QLinearConv twice {a} by {b}", h, 2 * ["quantised_conv"])
    net = Net(x=codes(np.uint8, 3, 24))
    grid = (s(0.02), s(100, np.uint8))
    y = net.op("com.microsoft/QGemm", "x", *grid, codes(np.int8, 5, 24), s(0.01), s(0, np.int8), rng.integers(-500, 500, 5).astype(np.int32), s(0.05), s(90, np.uint8), transB=1)
    net.case("QGemm", y, ["quantised_matmul", "map"])
    net = Net(x=codes(np.uint8, 3, 24))
    y = net.op("com.microsoft/QGemm", "x", *grid, codes(np.int8, 24, 5), np.abs(f(5, scale=0.1)), np.zeros(5, np.int8), alpha=0.5)
    net.case("QGemm to floats", y, ["quantised_matmul", "map"])


def elementwise():
    for kind, dtype in KINDS.items():
        zero = lambda value: s(value, dtype)
        a, b, y = (s(0.02137), zero(10)), (s(0.03191), zero(5)), (s(0.04273), zero(3))
        for op in ("Add", "Mul"):
            net = Net(a=codes(dtype, 2, 3, 4), b=codes(dtype, 3, 1))
            net.case(f"QLinear{op} {kind}", net.op(f"com.microsoft/QLinear{op}", "a", *a, "b", *b, *y), ["map"])
        net = Net(a=codes(dtype, 1, 4, 6, 6), b=codes(dtype, 1, 2, 6, 6))
        h = net.op("com.microsoft/QLinearConcat", *y, "a", *a, "b", *b, axis=1)
        h = net.op("com.microsoft/QLinearLeakyRelu", h, *y, *a, alpha=0.2)
        h = net.op("com.microsoft/QLinearAveragePool", h, *a, *a, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
        h = net.op("com.microsoft/QLinearGlobalAveragePool", h, *a, *y, channels_last=0)
        net.case(f"joined and pooled {kind}", h, ["copy", "pool", "pool"])
        net = Net(a=codes(dtype, 3, 12))
        h = net.op("com.microsoft/QLinearSigmoid", "a", *a, s(1 / 256), zero(0))
        h = net.op("com.microsoft/QLinearSoftmax", h, s(1 / 32), zero(0), s(1 / 256), zero(0), axis=-1, opset=13)
        net.case(f"sigmoid and softmax {kind}", h, ["map", "softmax", "map"])
        net = Net(x=f(2, 5, 3, 3))
        scale, zeros = np.abs(f(5)) + s(0.01), codes(dtype, 5)
        net.case(f"a scale for each channel {kind}", net.dq(net.q("x", scale, zeros, axis=1), scale, zeros, axis=1), ["map"])
        net = Net(x=f(2, 3, 4))
        h = net.op("Transpose", net.q("x", *a), perm=[0, 2, 1])
        net.case(f"moved codes {kind}", net.op("Reshape", h, np.array([2, 12], np.int64)), ["map", "copy"])


if __name__ == "__main__":
    for family in (products, convolutions, dynamic, whole, elementwise):
        family()
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "quantised.json")
    with open(here, "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
    print(len(cases), "cases,", os.path.getsize(here), "bytes, onnxruntime", onnxruntime.__version__)

"""Writes fixtures/contrib.json: small seeded cases of com.microsoft operators and what ONNX Runtime answers on a CPU.

Run again after adding a case, in a virtual environment that is no part of the project:

    pip install numpy onnx onnxruntime
    python test/conformance/onnx/contrib-cases.py

Tensors are base64 of little-endian elements. An operator that ONNX Runtime refuses stops the script.
"""

import base64
import json
import os

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

DTYPES = {
    "float32": "f32", "float16": "f16", "float64": "f64", "int8": "i8", "uint8": "u8", "int16": "i16", "uint16": "u16",
    "int32": "i32", "int64": "i64", "bool": "bool",
}
rng = np.random.default_rng(7)
cases = []


def encode(array):
    if array is None:
        return None
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape), "data": data}


def attribute(value):
    kind = {int: "int", float: "float", str: "string"}.get(type(value))
    if kind:
        return {"type": kind, "value": value}
    return {"type": "ints" if isinstance(value[0], int) else "floats", "value": value}


def case(op, inputs, attributes=None, outputs=1, domain="com.microsoft", name=None, tolerance=1e-4, skip=(), ignore=()):
    """skip: positions of outputs that are not asked for; ignore: of those whose values mean nothing in part."""
    attributes = attributes or {}
    names = ["" if x is None else f"x{i}" for i, x in enumerate(inputs)]
    results = ["" if i in skip else f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, names, results, domain=domain, **attributes)
    infos = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for n, x in zip(names, inputs) if x is not None
    ]
    graph = helper.make_graph([node], "g", infos, [onnx.ValueInfoProto(name=r) for r in results if r])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found = iter(session.run([r for r in results if r], {n: x for n, x in zip(names, inputs) if x is not None}))
    answers = [next(found) if r else None for r in results]
    cases.append({
        "name": name or op, "op": op, "domain": domain, "version": 17 if domain == "" else 1, "tolerance": tolerance,
        "attributes": {k: attribute(v) for k, v in attributes.items()},
        "inputs": [encode(x) for x in inputs],
        "outputs": [None if i in ignore else encode(answer) for i, answer in enumerate(answers)],
    })


def f(*shape, scale=1.0):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def u8(*shape, low=0, high=256):
    return rng.integers(low, high, shape).astype(np.uint8)


def i8(*shape):
    return rng.integers(-100, 100, shape).astype(np.int8)


def s(value, dtype=np.float32):
    return np.array(value, dtype)


def i32(values):
    return np.array(values, np.int32)


def i64(values):
    return np.array(values, np.int64)


def activations():
    case("Gelu", [f(2, 5)])
    case("FastGelu", [f(2, 5), f(5)])
    case("FastGelu", [f(2, 5)], name="FastGelu without bias")
    case("QuickGelu", [f(2, 5)], {"alpha": 1.5})
    case("BiasGelu", [f(2, 5), f(5)])


def fused():
    case("FusedConv", [f(1, 2, 4, 4), f(3, 2, 3, 3), f(3), f(1, 3, 4, 4)], {"activation": "Relu", "pads": [1, 1, 1, 1]})
    case("FusedConv", [f(1, 2, 4, 4), f(2, 1, 2, 2)], {"activation": "LeakyRelu", "activation_params": [0.2], "group": 2}, name="FusedConv leaky")
    case("FusedConv", [f(1, 2, 4, 4), f(2, 2, 1, 1)], {"activation": "Clip", "activation_params": [-0.5, 0.5]}, name="FusedConv clip")
    case("FusedConv", [f(1, 2, 4, 4), f(2, 2, 1, 1)], {"activation": "HardSigmoid", "activation_params": [0.3, 0.4]}, name="FusedConv hard sigmoid")
    case("FusedGemm", [f(3, 4), f(5, 4), f(5)], {"activation": "LeakyRelu", "activation_alpha": 0.1, "transB": 1, "alpha": 0.5, "beta": 2.0})
    case("FusedMatMul", [f(2, 4, 3), f(2, 5, 4)], {"alpha": 0.5, "transA": 1, "transB": 1})
    case("FusedMatMul", [f(3, 2, 4), f(2, 4, 5)], {"transBatchA": 1}, name="FusedMatMul batch of A")
    case("FusedMatMul", [f(4, 2, 3), f(5, 2, 4)], {"transA": 1, "transBatchA": 1, "transB": 1, "transBatchB": 1}, name="FusedMatMul batches")


def norms():
    case("SkipLayerNormalization", [f(2, 3, 4), f(2, 3, 4), f(4), f(4), f(4)], {"epsilon": 1e-5}, 4, skip=(1, 2))
    case("SkipLayerNormalization", [f(2, 3, 4), f(3, 4), f(4)], {}, 1, name="SkipLayerNormalization broadcast")
    case("SkipSimplifiedLayerNormalization", [f(2, 3, 4), f(2, 3, 4), f(4), f(4)], {"epsilon": 1e-5}, 4, skip=(1, 2))
    case("SimplifiedLayerNormalization", [f(2, 3, 4), f(4)], {"epsilon": 1e-5, "axis": -1}, domain="")
    words, places, kinds = f(10, 4), f(6, 4), f(2, 4)
    ids, segments = i32([[1, 3, 9], [0, 2, 2]]), i32([[0, 0, 1], [1, 0, 0]])
    gamma, beta, mask = f(4), f(4), i32([[1, 1, 0], [1, 1, 1]])
    case("EmbedLayerNormalization", [ids, segments, words, places, kinds, gamma, beta, mask], {"epsilon": 1e-6}, 3)
    case("EmbedLayerNormalization", [ids, None, words, places, None, gamma, beta, None, i32([[2, 1, 0], [5, 5, 5]])], {}, 2, name="EmbedLayerNormalization positions")


def packed_attention():
    x, w, b = f(2, 3, 4), f(4, 12, scale=0.5), f(12)
    case("Attention", [x, w, b], {"num_heads": 2})
    case("Attention", [x, w, b, i32([2, 3])], {"num_heads": 2}, name="Attention lengths")
    case("Attention", [x, w, b, i32([2, 3, 1, 0])], {"num_heads": 2}, name="Attention ends and starts")
    case("Attention", [x, w, b, i32([[1, 0, 1], [1, 1, 1]])], {"num_heads": 2, "mask_filter_value": -50.0}, name="Attention key mask")
    case("Attention", [x, w, b, i32(rng.integers(0, 2, (2, 3, 3)))], {"num_heads": 2}, name="Attention query mask")
    case("Attention", [x, w, b], {"num_heads": 2, "unidirectional": 1, "scale": 0.4}, name="Attention causal")
    case("Attention", [x, w, b, None, f(2, 2, 2, 5, 2)], {"num_heads": 2, "unidirectional": 1}, 2, name="Attention past")
    case("Attention", [x, f(4, 14), f(14), None, None, f(2, 2, 3, 3)], {"num_heads": 2, "qkv_hidden_sizes": [4, 4, 6]}, name="Attention bias")
    quantized = [u8(2, 3, 4), i8(4, 12), f(12), s(0.02), s(0.01), None, s(120, np.uint8), s(3, np.int8)]
    case("QAttention", quantized, {"num_heads": 2}, tolerance=2e-3)
    quantized[5] = i32([2, 3])
    case("QAttention", quantized + [f(2, 2, 2, 1, 2)], {"num_heads": 2, "unidirectional": 1}, 2, tolerance=2e-3, name="QAttention past")


def multi_head():
    q, k, v = f(2, 3, 4), f(2, 5, 4), f(2, 5, 6)
    case("MultiHeadAttention", [q, k, v], {"num_heads": 2})
    case("MultiHeadAttention", [q, k, v, f(14), i32([3, 5]), f(1, 2, 3, 5)], {"num_heads": 2}, name="MultiHeadAttention bias")
    case("MultiHeadAttention", [q, k, v, None, i32([[1, 1, 0, 1, 0], [1, 1, 1, 1, 1]])], {"num_heads": 2, "scale": 0.3}, name="MultiHeadAttention mask")
    case("MultiHeadAttention", [q, f(2, 2, 5, 2), f(2, 2, 5, 2)], {"num_heads": 2}, name="MultiHeadAttention cross")
    step = [f(2, 1, 4), f(2, 1, 4), f(2, 1, 4)]
    case("MultiHeadAttention", step + [None, None, None, f(2, 2, 4, 2), f(2, 2, 4, 2)], {"num_heads": 2}, 3, name="MultiHeadAttention past")
    case("MultiHeadAttention", [q, f(2, 3, 4), f(2, 3, 4)], {"num_heads": 2, "unidirectional": 1}, name="MultiHeadAttention causal")
    shared = step + [None, None, f(2, 2, 6, 2), f(2, 2, 6, 2), i32([3])]
    case("DecoderMaskedMultiHeadAttention", shared, {"num_heads": 2, "past_present_share_buffer": 1}, 3)


def grouped():
    size = 16
    q, k, v = f(2, 3, 4 * size), f(2, 3, 2 * size), f(2, 3, 2 * size)
    heads = {"num_heads": 4, "kv_num_heads": 2}
    last, total = i32([2, 2]), i32(3)
    angles = rng.standard_normal((12, size // 2))
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    case("GroupQueryAttention", [q, k, v, None, None, last, total], heads, 3)
    case("GroupQueryAttention", [q, k, v, None, None, last, total, cos, sin], {**heads, "do_rotary": 1}, 3, name="GroupQueryAttention rotary")
    case("GroupQueryAttention", [q, k, v, None, None, last, total, cos, sin], {**heads, "do_rotary": 1, "rotary_interleaved": 1, "scale": 0.3}, 3, name="GroupQueryAttention interleaved")
    step = [f(2, 1, 4 * size), f(2, 1, 2 * size), f(2, 1, 2 * size)]
    cache = [f(2, 2, 5, size), f(2, 2, 5, size)]
    case("GroupQueryAttention", step + cache + [i32([5, 5]), i32(6), cos, sin], {**heads, "do_rotary": 1}, 3, name="GroupQueryAttention step")
    case("GroupQueryAttention", step + cache + [i32([5, 5]), i32(6)], {**heads, "local_window_size": 3}, 3, name="GroupQueryAttention window")
    case("GroupQueryAttention", step + cache + [i32([5, 5]), i32(6)], {**heads, "softcap": 0.5}, 3, name="GroupQueryAttention softcap")
    case("GroupQueryAttention", step + cache + [i32([5, 5]), i32(6)], {**heads, "smooth_softmax": 1}, 3, name="GroupQueryAttention smooth")
    case("GroupQueryAttention", [f(2, 3, 8 * size), None, None, None, None, last, total, cos, sin], {**heads, "do_rotary": 1}, 3, name="GroupQueryAttention packed")
    bias = [None, None, None, f(2, 1, 1, 6)]
    case("GroupQueryAttention", step + cache + [i32([5, 5]), i32(6)] + bias, heads, 3, name="GroupQueryAttention bias")
    case("GroupQueryAttention", [q, k, v, None, None, i32([1, 2]), total, cos, sin], {**heads, "do_rotary": 1, "local_window_size": 2}, 3, name="GroupQueryAttention padded", ignore=(0,))
    case("GroupQueryAttention", step + cache + [i32([5, 5]), i32(6), None, None, None, None, f(4)], heads, 3, name="GroupQueryAttention sinks")
    case("RotaryEmbedding", [f(2, 3, 16), i64([4]), cos, sin], {})
    case("RotaryEmbedding", [f(2, 2, 3, 16), i64([[0, 5, 1], [2, 3, 4]]), cos, sin], {"interleaved": 1}, name="RotaryEmbedding heads")
    case("RotaryEmbedding", [f(2, 3, 48), i64([0]), cos, sin], {"num_heads": 2, "rotary_embedding_dim": 16}, name="RotaryEmbedding partial")


def few_bits():
    k, n, block = 20, 3, 16
    for bits in (2, 4, 8):
        size = block * bits // 8
        inputs = [f(2, k), u8(n, 2, size), f(n * 2)]
        attributes = {"K": k, "N": n, "bits": bits, "block_size": block}
        case("MatMulNBits", inputs, attributes, name=f"MatMulNBits {bits}", tolerance=1e-3)
        zeros = u8(n * -(-2 * bits // 8))
        case("MatMulNBits", inputs + [zeros], attributes, name=f"MatMulNBits {bits} zero points", tolerance=1e-3)
    case("MatMulNBits", inputs[:1] + [u8(n, 2, 8), f(n * 2), None, None, f(n)], {"K": k, "N": n, "bits": 4, "block_size": block}, name="MatMulNBits bias", tolerance=1e-3)
    table, rows = u8(5, 16), i64([[0, 4], [3, 1]])
    case("GatherBlockQuantized", [table, rows, f(5, 2)], {"block_size": 16, "quantize_axis": 1, "bits": 4})
    case("GatherBlockQuantized", [table, rows, f(5, 2), u8(5, 1)], {"block_size": 16, "quantize_axis": 1, "bits": 4}, name="GatherBlockQuantized zero points")
    case("GatherBlockQuantized", [u8(5, 32), rows, f(5, 2)], {"block_size": 16, "quantize_axis": 1, "bits": 8}, name="GatherBlockQuantized bytes")


def integer_products():
    case("DynamicQuantizeMatMul", [f(2, 3, 4), u8(4, 5), f(5, scale=0.1), u8(5), f(5)], tolerance=2e-3)
    case("DynamicQuantizeMatMul", [f(3, 4), i8(4, 5), s([0.02])], tolerance=2e-3, name="DynamicQuantizeMatMul signed")
    case("MatMulIntegerToFloat", [u8(3, 4), i8(4, 5), s(0.1), f(5), s(7, np.uint8), i8(5), f(5)])
    case("MatMulIntegerToFloat", [u8(2, 3, 4), u8(4, 5), s(0.1), s(0.2)], name="MatMulIntegerToFloat plain")
    hidden, size = 3, 4
    lstm = [f(5, 2, size), i8(2, size, 4 * hidden), i8(2, hidden, 4 * hidden), f(2, 8 * hidden), i32([5, 3]), f(2, 2, hidden), f(2, 2, hidden), None]
    scales = [s([0.01, 0.02]), s([0, 0], np.int8), s([0.02, 0.01]), s([0, 0], np.int8)]
    case("DynamicQuantizeLSTM", lstm + scales, {"hidden_size": hidden, "direction": "bidirectional"}, 3, tolerance=5e-3)
    a, b, c = u8(3, 4), i8(5, 4), i32(rng.integers(-500, 500, 5))
    case("QGemm", [a, s(0.02), s(100, np.uint8), b, s(0.01), s(2, np.int8), c, s(0.05), s(90, np.uint8)], {"transB": 1})
    case("QGemm", [a, s(0.02), s(100, np.uint8), i8(4, 5), np.abs(f(5, scale=0.1)), i8(5) // 50], {"alpha": 0.5}, name="QGemm float")


def qlinear():
    for kind, dtype in (("u8", np.uint8), ("i8", np.int8)):
        make = u8 if kind == "u8" else i8
        zero = lambda value: s(value, dtype)
        a, b, y = [make(2, 3, 4), s(0.02137), zero(10)], [make(3, 1), s(0.03191), zero(5)], [s(0.04273), zero(3)]
        case("QLinearAdd", a + b + y, name=f"QLinearAdd {kind}")
        case("QLinearMul", a + b + y, name=f"QLinearMul {kind}")
        case("QLinearSigmoid", a + [s(1 / 256), zero(0)], name=f"QLinearSigmoid {kind}")
        case("QLinearLeakyRelu", a + y, {"alpha": 0.2}, name=f"QLinearLeakyRelu {kind}")
        case("QLinearConcat", y + a + [make(2, 2, 4), s(0.01033), zero(1)], {"axis": 1}, name=f"QLinearConcat {kind}")
        case("QLinearSoftmax", a + [s(1 / 256), zero(0)], {"axis": 1, "opset": 13}, name=f"QLinearSoftmax {kind}")
        case("QLinearSoftmax", a + [s(1 / 256), zero(0)], {"axis": 1, "opset": 12}, name=f"QLinearSoftmax old {kind}")
        picture = [make(1, 2, 5, 5), s(0.02137), zero(10), s(0.03191), zero(4)]
        window = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
        case("QLinearAveragePool", picture, window, name=f"QLinearAveragePool {kind}")
        case("QLinearAveragePool", picture, {**window, "count_include_pad": 1, "channels_last": 0, "ceil_mode": 1}, name=f"QLinearAveragePool padded {kind}")
        case("QLinearGlobalAveragePool", picture, {"channels_last": 0}, name=f"QLinearGlobalAveragePool {kind}")
        case("QLinearGlobalAveragePool", picture, {"channels_last": 1}, name=f"QLinearGlobalAveragePool last {kind}")


if __name__ == "__main__":
    for family in (activations, fused, norms, packed_attention, multi_head, grouped, few_bits, integer_products, qlinear):
        family()
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "contrib.json")
    with open(here, "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
    print(len(cases), "cases,", os.path.getsize(here), "bytes, onnxruntime", onnxruntime.__version__)

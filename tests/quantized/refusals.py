#!/usr/bin/python3
"""Malformed scales and zero points: each is refused with one line that names the node, exit code 4.

    refusals.py MLFC WORK

A row says what is wrong with an otherwise right model, and what the message must say.
"""
import pathlib
import re
import subprocess
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

NAN, INF = float("nan"), float("inf")


def f32(values):
    return numpy.array(values, numpy.float32)


def i8(values):
    return numpy.array(values, numpy.int8)


def u8(values):
    return numpy.array(values, numpy.uint8)


def four_bits(name, elem_type, number):
    """A scalar of a type that this library of ONNX may not know."""
    tensor = TensorProto()
    tensor.name, tensor.data_type = name, elem_type
    tensor.int32_data.append(number)
    return tensor


def quantize(scale, zero=i8(0), **attributes):
    node = helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"], name="bad", **attributes)
    return [node], {"x": (TensorProto.FLOAT, [2, 4])}, {"s": scale, "z": zero}


def dequantize(scale, zero=i8(0), **attributes):
    node = helper.make_node("DequantizeLinear", ["x", "s", "z"], ["y"], name="bad", **attributes)
    return [node], {"x": (TensorProto.INT8, [2, 4])}, {"s": scale, "z": zero}


def qlinear_conv(sx=f32(0.1), sw=f32(0.1), sy=f32(0.1), zx=u8(3), zw=i8(0), zy=u8(0), b=None):
    names = ["x", "sx", "zx", "w", "sw", "zw", "sy", "zy"]
    constants = {"sx": sx, "zx": zx, "w": i8(numpy.ones((3, 2, 1, 1))), "sw": sw, "zw": zw,
                 "sy": sy, "zy": zy}
    if b is not None:
        names, constants["b"] = names + ["b"], b
    node = helper.make_node("QLinearConv", names, ["y"], name="bad")
    return [node], {"x": (TensorProto.UINT8, [1, 2, 4, 4])}, constants


def qlinear_add(sa=f32(0.1), zb=u8(0)):
    names = ["x", "sa", "z", "x", "s", "zb", "s", "z"]
    node = helper.make_node("QLinearAdd", names, ["y"], name="bad", domain="com.microsoft")
    constants = {"sa": sa, "z": u8(0), "s": f32(0.1), "zb": zb}
    return [node], {"x": (TensorProto.UINT8, [4])}, constants


def matmul_integer(za=u8(0), zb=i8(0)):
    node = helper.make_node("MatMulInteger", ["x", "w", "za", "zb"], ["y"], name="bad")
    constants = {"w": i8(numpy.ones((3, 4))), "za": za, "zb": zb}
    return [node], {"x": (TensorProto.UINT8, [2, 3])}, constants


POSITIVE = "must be positive and finite: quantize the model again"
ROWS = [
    ("scale 0", quantize(f32(0)), "holds 0 at place 0; a scale " + POSITIVE),
    ("scale -0", quantize(f32(-0.0)), POSITIVE),
    ("scale negative", dequantize(f32(-0.5)), r"holds -0\.5 at place 0; a scale " + POSITIVE),
    ("scale not a number", quantize(f32(NAN)), "holds nan at place 0; a scale " + POSITIVE),
    ("scale infinite", dequantize(f32(INF)), "holds inf at place 0; a scale " + POSITIVE),
    ("scale too long", quantize(f32([1] * 5), i8([0] * 5), axis=1), "has 4 entries; check 'axis'"),
    ("scale of integers", dequantize(i8(1)), "must hold floating point numbers; quantize"),
    ("one bad of many", dequantize(f32([1, 0, 1, 1]), i8([0] * 4)), "holds 0 at place 1"),
    ("zero point too short", quantize(f32([1] * 4), i8([0] * 3)), "has 4 entries; check 'axis'"),
    ("zero point too long", quantize(f32(1), i8([0] * 4)), "they must have one shape"),
    ("zero point real", quantize(f32(1), f32(0)), "zero_point is f32 but must be of integers"),
    ("zero point's type", dequantize(f32(1), u8(0)), "must be i8 like x; quantize"),
    ("zero point of 5 bits", quantize(f32(1), four_bits("z", 22, 3), output_dtype=99), "99"),
    ("axis", quantize(f32([1] * 4), i8([0] * 4), axis=2), "axis 2 does not exist"),
    ("blocks", quantize(f32([[1, 1, 1]] * 2), i8([[0] * 3] * 2), block_size=2), "blocks of 2"),
    ("conv: x", qlinear_conv(sx=f32(0)), POSITIVE),
    ("conv: w", qlinear_conv(sw=f32([1, NAN, 1]), zw=i8([0] * 3)), "holds nan at place 1"),
    ("conv: y", qlinear_conv(sy=f32(-1)), POSITIVE),
    ("conv: two for x", qlinear_conv(sx=f32([1, 1])), "x_scale must be one number"),
    ("conv: four filters", qlinear_conv(sw=f32([1] * 4), zw=i8([0] * 4)), "has 3 entries"),
    ("conv: zero point's type", qlinear_conv(zx=i8(0)), "must be u8 like x"),
    ("conv: real zero point", qlinear_conv(zy=f32(0)), "must be of integers"),
    ("conv: bias of bytes", qlinear_conv(b=i8([0, 0, 0])), "b must be of 32-bit integers"),
    ("add: scale", qlinear_add(sa=f32(INF)), POSITIVE),
    ("add: zero point", qlinear_add(zb=i8(0)), "must be u8 like x"),
    ("product: zero point's type", matmul_integer(za=i8(0)), "must be u8 like a"),
    ("product: zero points", matmul_integer(zb=i8([0] * 3)), "one for each column"),
]


def save(row, path):
    nodes, inputs, constants = row
    tensors = [
        value if isinstance(value, TensorProto) else numpy_helper.from_array(value, name)
        for name, value in constants.items()
    ]
    infos = [helper.make_tensor_value_info(n, *kind) for n, kind in inputs.items()]
    result = helper.make_tensor_value_info("y", TensorProto.UINT8, None)
    graph = helper.make_graph(nodes, "refused", infos, [result], tensors)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 8
    onnx.save(model, path)


def main(mlfc, work):
    work.mkdir(parents=True, exist_ok=True)
    failures = 0
    for title, row, expected in ROWS:
        path = str(work / (re.sub(r"\W+", "_", title) + ".onnx"))
        save(row, path)
        done = subprocess.run([mlfc, "compile", path, "-o", path + ".tar"], capture_output=True,
                              text=True)
        said = done.stdout + done.stderr
        is_one_line = said.startswith("Error: ") and said.count("\n") == 1
        names_node = "'bad'" in said
        if done.returncode == 4 and is_one_line and names_node and re.search(expected, said):
            continue
        failures += 1
        print(f"{title}: status {done.returncode}, expected '{expected}', said:\n{said}")
    print(f"{len(ROWS)} refusals, {failures} failed")
    sys.exit(1 if failures else 0)


main(sys.argv[1], pathlib.Path(sys.argv[2]))

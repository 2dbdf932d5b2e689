#!/usr/bin/python3
"""Malformed scales and zero points: each is refused with one line that names the node, exit code 4.

    refusals.py MLFC WORK

A row says what is wrong with an otherwise right model, and what the message must say. Then every scale
and every zero point of every operator that has them is made bad in every way; the operators as they
stand must compile.
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


def i32(values):
    return numpy.array(values, numpy.int32)


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


# --- every parameter of every operator, with everything that can be wrong with one number ----------

SCALE = f32(0.1)
SQUARE = (TensorProto.UINT8, [1, 4, 4, 4])
WINDOWS = {"kernel_shape": [2, 2]}


def operator(op, operands, domain="com.microsoft", inputs=None, **attributes):
    """A node that reads x, which the model takes in, and constants: `operands` says which, in order."""
    names, constants = [], {}
    for i, operand in enumerate(operands):
        is_name = isinstance(operand, str)
        names.append(operand if is_name else f"c{i}")
        if not is_name:
            constants[f"c{i}"] = operand
    outputs = ["y", "sy", "zy"][: 3 if op == "DynamicQuantizeLinear" else 1]
    node = helper.make_node(op, names, outputs, name="bad", domain=domain, **attributes)
    return [node], inputs or {"x": SQUARE}, constants


MATRIX = {"x": (TensorProto.UINT8, [2, 4])}
REALS = {"x": (TensorProto.FLOAT, [2, 4])}
W44 = u8(numpy.ones((4, 4)))
FILTER = u8(numpy.ones((3, 4, 1, 1)))
Z = u8(3)
GOOD = {
    "QuantizeLinear": operator("QuantizeLinear", ["x", SCALE, Z], "", REALS),
    "DequantizeLinear": operator("DequantizeLinear", ["x", SCALE, Z], ""),
    "microsoft.QuantizeLinear": operator("QuantizeLinear", ["x", SCALE, Z], inputs=REALS),
    "microsoft.DequantizeLinear": operator("DequantizeLinear", ["x", SCALE, Z]),
    "QLinearConv": operator("QLinearConv", ["x", SCALE, Z, FILTER, SCALE, Z, SCALE, Z], ""),
    "QLinearMatMul": operator("QLinearMatMul", ["x", SCALE, Z, W44, SCALE, Z, SCALE, Z], "", MATRIX),
    "ConvInteger": operator("ConvInteger", ["x", FILTER, Z, Z], ""),
    "MatMulInteger": operator("MatMulInteger", ["x", W44, Z, Z], "", MATRIX),
    "QLinearAdd": operator("QLinearAdd", ["x", SCALE, Z, "x", SCALE, Z, SCALE, Z]),
    "QLinearMul": operator("QLinearMul", ["x", SCALE, Z, "x", SCALE, Z, SCALE, Z]),
    "QLinearAveragePool": operator("QLinearAveragePool", ["x", SCALE, Z, SCALE, Z], **WINDOWS),
    "QLinearGlobalAveragePool": operator("QLinearGlobalAveragePool", ["x", SCALE, Z, SCALE, Z]),
    "QLinearConcat": operator("QLinearConcat", [SCALE, Z, "x", SCALE, Z, "x", SCALE, Z], axis=1),
    "QLinearSoftmax": operator("QLinearSoftmax", ["x", SCALE, Z, SCALE, Z], axis=-1, opset=13),
    "QLinearSigmoid": operator("QLinearSigmoid", ["x", SCALE, Z, SCALE, Z]),
    "QLinearLeakyRelu": operator("QLinearLeakyRelu", ["x", SCALE, Z, SCALE, Z]),
    "QGemm": operator("QGemm", ["x", SCALE, Z, W44, SCALE, Z, i32(numpy.ones(4)), SCALE, Z],
                      inputs=MATRIX),
    "DynamicQuantizeMatMul": operator("DynamicQuantizeMatMul", ["x", W44, SCALE, Z], inputs=REALS),
}
BAD_SCALES = {"zero": f32(0), "negative": f32(-0.5), "nan": f32(NAN), "infinite": f32(INF),
              "five": f32([0.1] * 5), "none": f32([]), "integer": i8(1)}
BAD_ZEROS = {"real": f32(0), "another type": numpy.int16(3), "five": u8([3] * 5), "none": u8([])}


def result_zero(node):
    """The input that is the result's zero point; -1: none."""
    if "Integer" in node.op_type or "Dequantize" in node.op_type or "Dynamic" in node.op_type:
        return -1
    return 1 if node.op_type == "QLinearConcat" else len(node.input) - 1


def broken():
    """Every good operator with one parameter made bad, in every way."""
    for title, (nodes, inputs, constants) in GOOD.items():
        for name, value in constants.items():
            bad = BAD_SCALES if value is SCALE else BAD_ZEROS if value is Z else {}
            for fault, replacement in bad.items():
                changed = {**constants, name: numpy.asarray(replacement)}
                place = list(nodes[0].input).index(name)
                if fault == "another type" and place == result_zero(nodes[0]):
                    continue  # it says what the result's type is
                yield f"{title}, input {place}: {fault}", (nodes, inputs, changed), ""


# What DynamicQuantizeLinear computes goes on as scale and zero point of others.
def dynamic_consumer(zero_of_weights):
    quantize = helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])
    product = helper.make_node("MatMulInteger", ["q", "w", "z", "zw"], ["y"], name="bad")
    return [quantize, product], REALS, {"w": i8(numpy.ones((4, 3))), "zw": zero_of_weights}


ROWS += [
    ("dynamic: real zero point", dynamic_consumer(f32(0)), ""),
    ("dynamic: type of the zero point", dynamic_consumer(u8(0)), "must be i8 like"),
    ("dynamic: length", dynamic_consumer(i8([0] * 5)), ""),
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
    rows = [(title, row, None) for title, row in GOOD.items()] + ROWS + list(broken())
    for title, row, expected in rows:
        path = str(work / (re.sub(r"\W+", "_", title) + ".onnx"))
        save(row, path)
        done = subprocess.run([mlfc, "compile", path, "-o", path + ".tar"], capture_output=True,
                              text=True)
        said = done.stdout + done.stderr
        if expected is None and done.returncode == 0:  # as it stands it must compile
            continue
        is_one_line = said.startswith("Error: ") and said.count("\n") == 1
        names_node = "'bad'" in said
        if expected is not None and done.returncode == 4 and is_one_line and names_node and re.search(expected or "", said):
            continue
        failures += 1
        print(f"{title}: status {done.returncode}, expected '{expected}', said:\n{said}")
    print(f"{len(rows)} models, {failures} failed")
    sys.exit(1 if failures else 0)


main(sys.argv[1], pathlib.Path(sys.argv[2]))

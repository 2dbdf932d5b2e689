#!/usr/bin/python3
"""Writes the model that tests/mlf/applications run: y = 2 (x + w), z = the sum of aux.

As two matrix products with a table between them, so that something has to be stored on the way.
"""
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


def constant(name, values):
    return numpy_helper.from_array(numpy.array(values, numpy.float32), name)


def main(path):
    identity = numpy.eye(4)
    nodes = [
        helper.make_node("Gemm", ["x", "identity", "w"], ["t*/"], name="shift */ int evil; /*"),
        helper.make_node("Softsign", ["t*/"], ["s"], name="there\nand"),
        helper.make_node("Abs", ["s"], ["a"], name="back\\"),
        helper.make_node("Sub", ["one", "a"], ["r"]),
        helper.make_node("Div", ["s", "r"], ["u"]),
        helper.make_node("MatMul", ["u", "doubled"], ["y"], name="double"),
        helper.make_node("MatMul", ["aux/0", "ones"], ["z"], name="total"),
    ]
    graph = helper.make_graph(
        nodes,
        "applications",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4]),
            helper.make_tensor_value_info("aux/0", TensorProto.FLOAT, [3]),
        ],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4]),
            helper.make_tensor_value_info("z", TensorProto.FLOAT, [1]),
        ],
        [
            constant("identity", identity),
            constant("w", [0.5, -1, 2.25, 1e-7]),
            constant("one", 1),
            constant("doubled", 2 * identity),
            constant("ones", numpy.ones((3, 1))),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    onnx.save(model, path)


main(sys.argv[1])

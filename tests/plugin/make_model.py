#!/usr/bin/python3
"""Writes FOLDER/plugin.onnx, a model with a sigmoid and an operator that only a plugin knows, with
an input (plugin.npz) and the output that numpy computes for it (plugin.ref.npz); and uneven.onnx,
which that operator must refuse.
"""
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


def model_of(weights, pieces):
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="mix", kernel_shape=[1, 1]),
        helper.make_node("Sigmoid", ["c"], ["s"], name="squash"),
        helper.make_node("Maxout", ["s"], ["y"], name="pick", domain="com.example", pieces=pieces),
    ]
    graph = helper.make_graph(
        nodes,
        "plugin",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 6, 5, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8 // pieces, 5, 5])],
        [numpy_helper.from_array(weights.reshape(8, 6, 1, 1), "w")],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("com.example", 1)]
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 7
    return model


def main(folder):
    random = numpy.random.default_rng(1)
    weights = random.uniform(-2, 2, (8, 6)).astype(numpy.float32)
    onnx.save(model_of(weights, 2), f"{folder}/plugin.onnx")
    onnx.save(model_of(weights, 3), f"{folder}/uneven.onnx")

    x = random.uniform(-2, 2, (1, 6, 5, 5)).astype(numpy.float32)
    squashed = 1 / (1 + numpy.exp(-numpy.einsum("oc,nchw->nohw", weights, x)))
    y = squashed.reshape(1, 4, 2, 5, 5).max(axis=2).astype(numpy.float32)
    numpy.savez(f"{folder}/plugin.npz", x=x)
    numpy.savez(f"{folder}/plugin.ref.npz", y=y)


main(sys.argv[1])

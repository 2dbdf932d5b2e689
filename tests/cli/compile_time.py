#!/usr/bin/python3
"""Compiles chains of nodes and expects the time of the processor to grow with their length.

compile_time.py MLFC WORK_FOLDER

A chain four times as long may take eight times as long: twice what is fair, half of what anything
quadratic takes. Seconds themselves depend on the machine and the build; they are only printed.
"""
import os
import pathlib
import resource
import subprocess
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

SHORT, TIMES_LONGER, MOST = 1250, 4, 8


def elementwise(i, last, new, weights):
    return helper.make_node(["Relu", "Sigmoid", "Tanh", "Neg"][i % 4], [last], [new])


def mixed(i, last, new, weights):
    """Convolutions whose results are read twice, and what is and is not fused with them."""
    if i % 5 == 0:
        values = numpy.random.RandomState(i).randn(2, 2, 3, 3).astype(numpy.float32)
        weights.append(numpy_helper.from_array(values, f"w{i}"))
        return helper.make_node("Conv", [last, f"w{i}"], [new], pads=[1, 1, 1, 1])
    if i % 5 == 1:
        return helper.make_node("Relu", [last], [new])
    if i % 5 == 2:
        return helper.make_node("Add", [last, f"v{i - 2}"], [new])
    if i % 5 == 3:
        return helper.make_node("Transpose", [last], [new], perm=[0, 1, 3, 2])
    return helper.make_node("Softmax", [last], [new], axis=1)


def reshaped(i, last, new, weights):
    """Views, with a constant each, between kernels."""
    if i % 2 == 0:
        return helper.make_node("Softmax", [last], [new])
    shape = [1, 32] if i % 4 == 1 else [1, 2, 4, 4]
    weights.append(numpy_helper.from_array(numpy.array(shape), f"s{i}"))
    return helper.make_node("Reshape", [last, f"s{i}"], [new])


def chain(link, length):
    nodes, weights, last = [], [], "x"
    for i in range(length):
        nodes.append(link(i, last, f"v{i}", weights))
        last = f"v{i}"
    graph = helper.make_graph(
        nodes, "chain", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 4, 4])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, None)], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()


def seconds_of(mlfc, data):
    pathlib.Path("chain.onnx").write_bytes(data)
    best = float("inf")
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([mlfc, "compile", "chain.onnx", "-o", "chain.tar"], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def main():
    mlfc, work = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)
    failed = 0
    for link in (elementwise, mixed, reshaped):
        short = seconds_of(mlfc, chain(link, SHORT))
        long = seconds_of(mlfc, chain(link, SHORT * TIMES_LONGER))
        print(f"{link.__name__}: {SHORT} nodes {short:.2f} s, {SHORT * TIMES_LONGER} nodes "
              f"{long:.2f} s, {long / short:.1f} times as long")
        failed += long > MOST * short
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Says, layer by layer, where a quantised model's integers are not the nearest ones, and whose fault it is.

    explain.py MLFC WORK MODEL INPUTS   one model
    explain.py MLFC WORK                the recorded models, which MLFC_TEST_DATA names

Every quantised tensor becomes an output. Then the model runs twice: compiled by mlfc, and under ONNX
Runtime without its optimisations. Each layer's real result is recomputed in f64 from the very
integers that the run at hand gave it, so that one layer's rounding does not blur the next one's:

  exact   the nearest integer, halves to the even one
  tie     the neighbour, where the real result is within 2^-20 of the middle, relative to its terms
  other   neither; for operators that runtimes approximate. Of ours there must be none: status 1

`apart` counts the elements in which the two runs differ, by their own and by earlier layers' rounding.
"""
import json
import os
import pathlib
import re
import subprocess
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from real_operators import REAL, channels_first

CLOSE = 2.0**-20
RECORDED = ["micro_kws_qdq", "micro_kws_qoperator", "micro_kws_qoperator_emx",
            "mobilenet_v2_qlinear"]
HERE = pathlib.Path(__file__).resolve().parent

# Operands of the QLinear operators as triples (value, scale, zero point), the operator on real
# numbers, the result's scale and zero point, and the bias.
PLAIN = {
    "QLinearConv": ("Conv", [0, 3], 6, 8),
    "QLinearMatMul": ("MatMul", [0, 3], 6, None),
    "QLinearAdd": ("Add", [0, 3], 6, None),
    "QLinearMul": ("Mul", [0, 3], 6, None),
    "QLinearAveragePool": ("AveragePool", [0], 3, None),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", [0], 3, None),
    "QLinearLeakyRelu": ("LeakyRelu", [0], 3, None),
    "QLinearSigmoid": ("Sigmoid", [0], 3, None),
    "QLinearSoftmax": ("Softmax", [0], 3, None),
}


def attributes_of(node):
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def along(parameter, rank, axis):
    """A scale or zero point shaped to broadcast along an axis."""
    parameter = numpy.asarray(parameter)
    if parameter.size == 1:
        return parameter.reshape(())
    return parameter.reshape([-1 if i == axis % rank else 1 for i in range(rank)])


def dequantized(x, scale, zero, axis=1):
    scale = along(scale, x.ndim, axis).astype(numpy.float64)
    zero = 0 if zero is None else along(zero, x.ndim, axis).astype(numpy.int64)
    return (x.astype(numpy.int64) - zero) * scale


class Walk:
    """Recomputes every layer from one run's own integers, or from those that `fed` says."""

    def __init__(self, model, inputs, run, fed=None):
        self.fed = run if fed is None else fed
        self.values = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
        self.values.update(inputs)
        self.run = run
        self.rows = {}
        self.sizes = {}  # of what has been added up to a real value
        for node in model.graph.node:
            self.visit(node)

    def read(self, node, index):
        if index is None or index >= len(node.input) or not node.input[index]:
            return None
        return self.values[node.input[index]]

    def visit(self, node):
        attributes = attributes_of(node)
        read = [self.read(node, i) for i in range(len(node.input))]
        if node.op_type == "Constant":
            self.values[node.output[0]] = numpy_helper.to_array(attributes["value"])
        elif node.op_type == "DequantizeLinear":
            zero = read[2] if len(read) > 2 else None
            self.values[node.output[0]] = dequantized(*read[:2], zero, attributes.get("axis", 1))
        elif node.op_type == "QuantizeLinear":
            real = read[0].astype(numpy.float64)
            size = self.sizes.get(node.input[0], abs(real))
            self.judge(node, real, size, read[1], read[2] if len(read) > 2 else 0)
        elif node.op_type in PLAIN:
            self.visit_plain(node, read, attributes)
        else:
            real, size = REAL[node.op_type](read, attributes)
            self.values[node.output[0]] = real
            if size is not None:
                self.sizes[node.output[0]] = size
            elif node.input and node.input[0] in self.sizes and node.op_type in ("Relu", "Clip"):
                self.sizes[node.output[0]] = self.sizes[node.input[0]]

    def visit_plain(self, node, read, attributes):
        op, operands, result, bias = PLAIN[node.op_type]
        axes = [1, 0 if op == "Conv" else -1]
        reals = [dequantized(*read[i : i + 3], axis) for i, axis in zip(operands, axes)]
        if bias is not None and len(read) > bias:
            reals.append(read[bias] * read[1].astype(float) * read[4].astype(float))
        real, size = channels_first(REAL[op], reals, attributes)
        size = abs(real) if size is None else size
        self.judge(node, real, size, read[result], read[result + 1])

    def judge(self, node, real, size, scale, zero):
        name = node.output[0]
        actual = self.run[name]
        axis = attributes_of(node).get("axis", 1)
        scale = along(scale, real.ndim, axis).astype(numpy.float64)
        zero = along(zero, real.ndim, axis).astype(numpy.int64)
        limits = numpy.iinfo(actual.dtype)
        steps = real / scale
        nearest = numpy.clip(numpy.rint(steps) + zero, limits.min, limits.max)
        off = numpy.abs(actual.astype(numpy.int64) - nearest)
        from_tie = numpy.abs(steps - numpy.floor(steps) - 0.5)
        # f64 has rounded, too, by much less than what is asked for here.
        is_tie = (off == 1) & (from_tie <= CLOSE * numpy.maximum(size / scale, 1))
        other = (off != 0) & ~is_tie
        self.rows[name] = (node, off.size, int(is_tie.sum()), int(other.sum()),
                           int(off[other].max()) if other.any() else 0)
        self.values[name] = self.fed[name]


def with_all_outputs(model):
    """Every quantised tensor becomes an output, unless it is one; their names in order."""
    present = {o.name for o in model.graph.output}
    for node in model.graph.node:
        if node.op_type != "QuantizeLinear" and node.op_type not in PLAIN:
            continue
        if node.output[0] not in present:
            zero = node.input[2 if node.op_type == "QuantizeLinear" else PLAIN[node.op_type][2] + 1]
            kind = next(i.data_type for i in model.graph.initializer if i.name == zero)
            info = helper.make_tensor_value_info(node.output[0], kind, None)
            model.graph.output.append(info)
    return [o.name for o in model.graph.output]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


def explain(mlfc, work, model_path, inputs):
    """Prints the table of a model; true when none of our integers is off without a reason."""
    work.mkdir(parents=True, exist_ok=True)
    model = onnx.load(str(model_path))
    names = with_all_outputs(model)
    path = work / "model.onnx"
    onnx.save(model, str(path))
    given = {}
    constants = {i.name for i in model.graph.initializer}
    for info in model.graph.input:
        if info.name not in constants:
            file = re.sub(r"[^A-Za-z0-9_.-]", "_", info.name) + ".npy"
            given[info.name] = numpy.load(inputs / file)
    run([mlfc, "run", path, "--inputs", inputs, "--outputs", work / "mlfc"])
    ort = HERE / "../../scripts/ort_run.js"
    run([ort, path, inputs, work / "ort", "--opt", "none"])
    order = json.load(open(work / "ort/outputs.json"))
    runs = {"mlfc": {}, "ort": {}}
    for i, name in enumerate(names):
        runs["mlfc"][name] = numpy.load(work / "mlfc" / f"output_{i}.npy")
        file = re.sub(r"[^A-Za-z0-9_.-]", "_", order[i]) + ".npy"
        runs["ort"][name] = numpy.load(work / "ort" / file)
    walks = {key: Walk(model, given, result) for key, result in runs.items()}
    print(f"{'layer':58} {'elements':>8} {'apart':>6}   {'mlfc: tie':>9} {'other':>6}"
          f"   {'ort: tie':>8} {'other':>6}")
    for name, (node, count, tie, other, most) in walks["mlfc"].rows.items():
        _, _, ort_tie, ort_other, ort_most = walks["ort"].rows[name]
        apart = int((runs["mlfc"][name] != runs["ort"][name]).sum())
        label = f"{node.op_type} {name}"[-58:]
        print(f"{label:58} {count:8} {apart:6}   {tie:9} {other:6}   {ort_tie:8} {ort_other:6}"
              + (f"  by up to {max(most, ort_most)}" if max(most, ort_most) > 0 else ""))
    return all(other == 0 for _, _, _, other, _ in walks["mlfc"].rows.values())


def recorded():
    """Models and inputs below MLFC_TEST_DATA; leaves as skipped without them or ONNX Runtime."""
    data = pathlib.Path(os.environ.get("MLFC_TEST_DATA", "")) / "models/onnx"
    if not os.environ.get("MLFC_TEST_DATA") or not data.is_dir():
        print("skipped: MLFC_TEST_DATA does not name a folder with models/onnx")
        sys.exit(77)
    if subprocess.run([HERE / "../../scripts/setup_ort"], capture_output=True).returncode != 0:
        print("skipped: ONNX Runtime is not here and cannot be installed")
        sys.exit(77)
    for name in RECORDED:
        static = data / name / "model_static.onnx"
        yield static if static.exists() else data / name / "model.onnx", data / name / "inputs"


def main(mlfc, work, *model):
    paths = [tuple(map(pathlib.Path, model))] if model else list(recorded())
    fine = True
    for path, inputs in paths:
        print(path)
        fine = explain(mlfc, pathlib.Path(work) / path.parent.name, path, inputs) and fine
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])

#!/usr/bin/python3
"""Recorded quantised models against ONNX Runtime, layer by layer on the same integers.

    against_ort.py MLFC WORK [MODEL INPUTS]

ONNX Runtime runs the model without its graph optimisations. Every layer of ours is then fed what that
run fed its own layer (runs.py), so that differences do not add up:

  bits      the model's outputs are those of ONNX Runtime, bit for bit
  layers    how many there are, the most steps that one of them is off, the share of elements
  ours/ORT  elements that are not the integer nearest to the real result: `tie` where that lies within
            2^-20 of the middle of two (the neighbour came out), `wrong` elsewhere; explain.py tells
  optimised ONNX Runtime with all its graph optimisations: each of its layers against ours, and the
            largest difference at the outputs

A layer of ours that is off by more than a step, or wrong where ONNX Runtime is not, fails the test;
so does an output that is not what it must be (MODELS).
"""
import pathlib
import sys

import numpy
import onnx

from explain import Walk
from fixed import FAST, read_inputs
from runs import (Layers, apart, mlfc_outputs, need_ort, ort_outputs, test_data, worst)

# What the outputs must be: the same bits where all of ONNX Runtime's kernels are exact; the same up to
# the last bits of a softmax in f32; or whatever its average pools lead to, which add up in f32 before
# they scale and so break ties.
MODELS = {
    "onnx/micro_kws_qdq": "ties",
    "onnx/micro_kws_qoperator": "bits",
    "onnx/micro_kws_qoperator_emx": "softmax",
    "onnx/mobilenet_v2_qlinear": "bits",
    "onnx/mnist5x5_dynq": "bits",
    "onnx/mnist_convinteger": "bits",
    "onnx/nemo_dronet": "bits",
    "onnx/deepquant_block": "bits",
    "baseline/resnet8_int8_qdq": "softmax",
}
LAST_BITS = 1e-6


def cases(folder):
    """The model with each of its sets of inputs."""
    if not folder.is_dir():
        yield onnx.load(f"{folder}.onnx"), dict(numpy.load(f"{folder}.npz"))
        return
    static = folder / "model_static.onnx"
    model = onnx.load(str(static if static.exists() else folder / "model.onnx"))
    for inputs in sorted(folder.glob("inputs*")):
        yield model, read_inputs(model, inputs)


def judged(layers, results):
    """Elements that are the other side of a tie, and those that are wrong, over all layers."""
    rows = Walk(layers.model, layers.inputs, results, layers.values).rows.values()
    return sum(row[2] for row in rows), sum(row[3] for row in rows)


def output_distance(a, b):
    """Of integers in steps, of reals the largest difference."""
    if numpy.issubdtype(a.dtype, numpy.integer):
        return f"{apart(a, b)[0]} steps"
    off = float(numpy.abs(a.astype(float) - b.astype(float)).max(initial=0))
    return "same bits" if a.tobytes() == b.tobytes() else f"{off:.2g}"


class Comparison:
    """One model on one set of inputs."""

    def __init__(self, mlfc, work, model, inputs):
        def ours(what, given):
            return mlfc_outputs(mlfc, work / "ours", what, given, FAST)

        def ort(what, given):
            return ort_outputs(work / "plain", what, given, optimised=False)

        def optimised(what, given):
            return ort_outputs(work / "optimised", what, given, optimised=True)

        layers = Layers(model, inputs, ort)
        names = [output.name for output in layers.model.graph.output]
        self.layers, self.steps, self.share, self.where = 0, 0, 0.0, ""
        self.ours_tie = self.ours_wrong = self.ort_tie = self.ort_wrong = 0
        self.optimised = ""
        mine = ours(layers.model, inputs)
        if layers.stored:
            alone = layers.alone(ours)
            self.layers, self.steps, self.share, self.where = worst(layers.stored, layers.values, alone)
            self.ours_tie, self.ours_wrong = judged(layers, alone)
            self.ort_tie, self.ort_wrong = judged(layers, layers.values)
            _, steps, share, _ = worst(layers.stored, alone, layers.alone(optimised))
            self.optimised = f"{steps} steps, {share:.4%}; "
        fast = optimised(layers.model, inputs)
        self.bits = all(mine[n].tobytes() == layers.values[n].tobytes() for n in names)
        self.close = all(numpy.allclose(mine[n], layers.values[n], 0, LAST_BITS) for n in names)
        self.output = ", ".join(output_distance(mine[n], layers.values[n]) for n in names)
        self.optimised += ", ".join(output_distance(mine[n], fast[n]) for n in names)

    def row(self):
        return (f"{self.output:>14} {self.layers:6} {self.steps:5} {self.share:9.4%}"
                f" {self.ours_tie:9} {self.ours_wrong:5} {self.ort_tie:8} {self.ort_wrong:5}"
                f"  {self.optimised}")

    def faults(self, outputs):
        if outputs == "bits" and not self.bits:
            yield "the outputs should be the same bits"
        if outputs == "softmax" and not self.close:
            yield "the outputs should be the same up to their last bits"
        if self.steps > 1:
            yield f"more than one step: {self.where}"
        if self.ours_wrong > self.ort_wrong:
            yield "integers that are not the nearest ones, which ONNX Runtime gets right"


HEAD = (f"{'model':26} {'outputs':>14} {'layers':>6} {'steps':>5} {'elements':>9} {'ours: tie':>9}"
        f" {'wrong':>5} {'ORT: tie':>8} {'wrong':>5}  optimised: layers; outputs")


def main(mlfc, work, *given):
    work = pathlib.Path(work)
    if given:
        model = onnx.load(given[0])
        models = {given[0]: ("ties", [(model, read_inputs(model, pathlib.Path(given[1])))])}
    else:
        data = test_data()
        need_ort()
        models = {name: (outputs, cases(data / name)) for name, outputs in MODELS.items()}
    print(HEAD)
    failed = 0
    for name, (outputs, sets) in models.items():
        short = pathlib.Path(name).name
        for model, inputs in sets:
            comparison = Comparison(mlfc, work / short, model, inputs)
            print(f"{short:26} {comparison.row()}", flush=True)
            for fault in comparison.faults(outputs):
                failed += 1
                print(f"    {fault}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])

#!/usr/bin/python3
"""Recorded quantised models against ONNX Runtime, layer by layer on the same integers.

    against_ort.py MLFC WORK [MODEL INPUTS]

ONNX Runtime runs the model without its graph optimisations. Every layer of ours is then fed what that
run fed its own layer (runs.py), so that differences do not add up:

  outputs   how far those of the whole model are apart: in steps, or the largest difference
  layers    how many there are, the most steps that one of them is off, the share of elements
  ours/ORT  elements that are not the integer nearest to the exact rational result of their layer:
            `rounded` to its neighbour as f32 does, or `wrong` (walk.py); how far the former were at
            most from the middle of two integers, in steps
  optimised ONNX Runtime with all its graph optimisations: each of its layers against ours, and the
            largest difference at the outputs

Where both store the same on the same integers but for the elements that ONNX Runtime rounded, these
are all there is between the two, whatever later layers make of them.

It fails when a layer of ours is off by more than a step, when an integer of either is neither the
nearest nor what f32 makes of it, when ours is not the nearest where ONNX Runtime's is, when outputs
are not what they must be (MODELS), and when the folder holds a quantised model that is not listed.
"""
import pathlib
import sys
from fractions import Fraction

import numpy
import onnx

from fixed import FAST, read_inputs
from runs import (Layers, apart, mlfc_outputs, need_ort, ort_outputs, test_data, worst)
from walk import Walk

# What the outputs must be: the same bits where all of ONNX Runtime's kernels are exact; the same up to
# the last bits of a softmax in f32, each of the two as close to the exact one as f32 allows; or
# whatever its average pools lead to, which add up in f32 before they scale and so break ties.
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
# With operators that ONNX Runtime does not know; their makers' outputs must be ours, bit by bit.
CUSTOM = ["onnx/deeploy_minimobilenetv2", "onnx/deeploy_mlperf_kws", "onnx/deeploy_mlperf_resnet8"]


def is_quantised(path):
    """By its operators; or, with integers kept in reals, by what rounds and limits them."""
    names = {node.op_type for node in onnx.load(path, load_external_data=False).graph.node}
    spelled = any("Quant" in name or "QLinear" in name or "Requant" in name or
                  name.endswith("Integer") for name in names)
    return spelled or ("Clip" in names and bool(names & {"Round", "Floor", "Ceil"}))


def unlisted(data):
    """Quantised models of the folder that this test does not know."""
    paths = [*data.glob("onnx/*/model*.onnx"), *data.glob("baseline/*.onnx")]
    found = {path for path in paths if is_quantised(str(path))}
    listed = {data / name for name in [*MODELS, *CUSTOM]}
    return sorted(str(p) for p in found if p.parent not in listed and p.with_suffix("") not in listed)


def cases(folder):
    """The model with each of its sets of inputs."""
    if not folder.is_dir():
        yield onnx.load(f"{folder}.onnx"), dict(numpy.load(f"{folder}.npz"))
        return
    static = folder / "model_static.onnx"
    model = onnx.load(str(static if static.exists() else folder / "model.onnx"))
    for inputs in sorted(folder.glob("inputs*")):
        yield model, read_inputs(model, inputs)


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

        def optimised(what, given):
            return ort_outputs(work / "optimised", what, given, optimised=True)

        layers = Layers(model, inputs,
                        lambda *given: ort_outputs(work / "plain", *given, optimised=False))
        self.layers, ort = layers, layers.values
        names = [output.name for output in layers.model.graph.output]
        mine = ours(layers.whole, inputs)
        self.count, self.steps, self.share, self.where = 0, 0, 0.0, ""
        self.optimised = ""
        self.ours = self.ort = []
        if layers.stored:
            alone = layers.alone(ours)
            self.count, self.steps, self.share, self.where = worst(layers.stored, ort, alone)
            self.ours = list(Walk(layers.model, inputs, alone, ort).rows.values())
            self.ort = list(Walk(layers.model, inputs, ort).rows.values())
            _, steps, share, _ = worst(layers.stored, alone, layers.alone(optimised))
            self.optimised = f"{steps} steps, {share:.4%}; "
        fast = optimised(layers.model, inputs)
        self.differ = [n for n in names if mine[n].tobytes() != ort[n].tobytes()]
        self.output = ", ".join(output_distance(mine[n], ort[n]) for n in names)
        self.optimised += ", ".join(output_distance(mine[n], fast[n]) for n in names)
        self.mine = mine

    def total(self, what):
        return [sum(len(getattr(row, what)) for row in rows) for rows in (self.ours, self.ort)]

    def row(self):
        rounded, wrong = self.total("rounded"), self.total("wrong")
        farthest = max((row.farthest for row in [*self.ours, *self.ort]), default=0)
        return (f"{self.output:>14} {self.count:6} {self.steps:5} {self.share:9.5%}"
                f" {rounded[0]:13} {wrong[0]:5} {rounded[1]:12} {wrong[1]:5} {farthest:8.2g}"
                f"  {self.optimised}")

    def unexplained(self):
        """Elements of real outputs that f32 cannot give for the integers before them."""
        model, inputs = self.layers.model, self.layers.inputs
        for whose, run in (("ours", self.mine), ("ONNX Runtime's", self.layers.values)):
            exact = Walk(model, inputs, run).rational
            for name in self.differ:
                for at, value in numpy.ndenumerate(run[name]):
                    real = exact.element(name, at)
                    if abs(Fraction(value.item()) - real.value) > real.error:
                        yield f"{whose} {name}{list(at)} is {value}, exactly {float(real.value):.9g}"

    def faults(self, outputs):
        if outputs == "bits" and self.differ:
            yield "the outputs should be the same bits"
        if outputs == "softmax":
            same = all(self.mine[n].tobytes() == self.layers.values[n].tobytes()
                       for n, _, _ in self.layers.stored)
            if not same:
                yield "all integers should be the same"
        if outputs != "bits":
            yield from self.unexplained()
        if self.steps > 1:
            yield f"more than one step: {self.where}"
        for row in [*self.ours, *self.ort]:
            yield from row.wrong[:3]
        for one, other in zip(self.ours, self.ort):
            if not set(one.rounded) <= set(other.rounded):
                yield f"{one.node.output[0]}: rounded where ONNX Runtime has the nearest integer"


HEAD = (f"{'model':26} {'outputs':>14} {'layers':>6} {'steps':>5} {'elements':>9} {'ours: rounded':>13}"
        f" {'wrong':>5} {'ORT: rounded':>12} {'wrong':>5} {'farthest':>8}  optimised: layers; outputs")


def compare(mlfc, work, models):
    """Prints a line for each set of inputs of each model; how many faults there are."""
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
    return failed


def compare_custom(mlfc, work, folder):
    """A model that only its makers could run: how many outputs are not theirs."""
    model = onnx.load(str(folder / "model.onnx"))
    results = mlfc_outputs(mlfc, work / folder.name, model, read_inputs(model, folder / "inputs"), FAST)
    wanted = [numpy.load(folder / "expected" / f"output_{i}.npy") for i in range(len(results))]
    off = sum(not numpy.array_equal(a, b) for a, b in zip(results.values(), wanted))
    print(f"{folder.name:26} {'differs' if off else 'as recorded':>14}")
    return off


def main(mlfc, work, *given):
    work = pathlib.Path(work)
    if given:
        model = onnx.load(given[0])
        sets = [(model, read_inputs(model, pathlib.Path(given[1])))]
        sys.exit(1 if compare(mlfc, work, {given[0]: ("ties", sets)}) else 0)
    data = test_data()
    need_ort()
    failed = compare(mlfc, work, {name: (outputs, cases(data / name))
                                  for name, outputs in MODELS.items()})
    failed += sum(compare_custom(mlfc, work, data / name) for name in CUSTOM)
    for path in unlisted(data):
        failed += 1
        print(f"{path} is quantised, but not in this test")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])

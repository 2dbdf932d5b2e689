#!/usr/bin/python3
"""Quantises float models with real inputs and says how often the result still chooses the same class.

    agreement.py MLFC WORK [--samples N] [--calibrate N] [--only NAME] [-- OPTIONS OF QUANTIZE]

Calibrated with variants of recorded inputs (variants.py), measured on other variants and on the
recorded inputs themselves. Then ONNX Runtime runs the file that was written, with all of its
optimisations and with none: each layer of ours on the same integers (against_ort.py), and the outputs
of the model with integer inputs and outputs, in steps.

Columns: how many variants and recorded inputs keep their class; by how much the float model preferred
the class that was lost, at most, and how many of all variants it was as little sure of; the relative
error of the output; layers, the most steps one of them is off and the largest share of elements; steps
at the outputs against ONNX Runtime without and with its optimisations.

Fails where a layer or an output is off by more than a step, where a recorded input changes its class,
or where more than 3 in 100 variants do (2, of fewer).
"""
import argparse
import json
import pathlib
import sys

import numpy
import onnx
from onnx import numpy_helper

from against_ort import Comparison
from fixed import FAST
from runs import apart, mlfc_outputs, model_inputs, need_ort, ort_outputs, run, test_data
from variants import sources



def quantized(mlfc, work, source, name, calibrate, evaluate, options):
    """The report of quantising; the model is work / name."""
    return json.loads(run([mlfc, "quantize", "-q", source.model, "--calibrate", calibrate, "--evaluate",
                           evaluate, "--json", "-o", work / name, *options]))


def saved(path, source, samples):
    numpy.savez(path, **{source.name: samples})
    return path


def stored_input(model, real):
    """A real input as the model's integers."""
    name = model_inputs(model)[0]
    constants = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    reader = next(n for n in model.graph.node if n.input and n.input[0] == name)
    scale, zero = (constants[i] for i in reader.input[1:3])
    limits = numpy.iinfo(zero.dtype)
    steps = numpy.rint(real / scale) + int(zero)
    return {name: numpy.clip(steps, limits.min, limits.max).astype(zero.dtype)}


def output_steps(mlfc, work, model, inputs):
    """Steps between our C and ONNX Runtime, plain and optimised, at the outputs of integers."""
    ours = mlfc_outputs(mlfc, work / "ours", model, inputs, FAST)
    for optimised in (False, True):
        theirs = ort_outputs(work / "ort", model, inputs, optimised)
        yield max(apart(ours[name], theirs[name])[0] for name in ours)


def top(report):
    output = report["outputs"][0]
    sure = f"{output['lost_margin']:.3g} ({output['as_close']})"
    return output["same_top_1"], report["evaluation_samples"], sure


def output_step(report):
    """What two integers of the output are apart; 0 when the report does not say."""
    output = report["outputs"][0]
    stored = [row["stored"].split() for row in report["layers"] if row["value"] == output["name"]]
    return float(stored[0][1]) if stored and len(stored[0]) > 1 else 0.0


def examine(mlfc, work, source, arguments):
    """Prints a model's row; what is wrong with it."""
    work.mkdir(parents=True, exist_ok=True)
    calibrate = saved(work / "calibrate.npz", source, source.variants(arguments.calibrate, 1))
    others = saved(work / "others.npz", source, source.variants(arguments.samples, 2))
    recorded = source.shaped(source.recorded)
    real = saved(work / "recorded.npz", source, recorded)
    options = arguments.options
    report = quantized(mlfc, work, source, "float_io.onnx", calibrate, others, options)
    same, count, margin = top(report)
    by_io = quantized(mlfc, work, source, "integer_io.onnx", calibrate, real, [*options, "--io", "int8"])
    same_real, count_real, _ = top(by_io)

    model = onnx.load(str(work / "float_io.onnx"))
    integers = onnx.load(str(work / "integer_io.onnx"))
    steps, share, plain, fast = 0, 0.0, 0, 0
    for sample in recorded[: arguments.layers]:
        comparison = Comparison(mlfc, work, model, {model_inputs(model)[0]: sample})
        steps, share = max(steps, comparison.steps), max(share, comparison.share)
        distances = list(output_steps(mlfc, work, integers, stored_input(integers, sample)))
        plain, fast = max(plain, distances[0]), max(fast, distances[1])
    error = report["outputs"][0]["relative_error"]
    print(f"{same:6} of {count:4} {same / count:7.1%} {same_real:4} of {count_real:2} {margin:>14}"
          f" {error:9.4f} {comparison.count:7} {steps:5} {share:9.4%} {plain:8} {fast:9}", flush=True)
    if max(steps, plain) > 1:
        yield "more than a step from ONNX Runtime"
    if same_real < count_real and by_io["outputs"][0]["lost_margin"] > output_step(by_io):
        yield "a recorded input changed its class, though not for want of digits"
    if count - same > max(2, 0.03 * count):
        yield "too many variants changed their class"


HEAD = (f"{'model':10} {'same top 1 of variants':>22} {'recorded':>10} {'margin':>14} {'error':>9}"
        f" {'layers':>7} {'steps':>5} {'elements':>9} {'outputs':>8} {'optimised':>9}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mlfc")
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--calibrate", type=int, default=20)
    parser.add_argument("--layers", type=int, default=1, help="recorded inputs for ONNX Runtime")
    parser.add_argument("--only")
    parser.add_argument("options", nargs="*", help="of mlfc quantize, after --")
    arguments = parser.parse_args()
    data = test_data()
    need_ort()
    print(HEAD)
    failed = 0
    for name, source in sources(data).items():
        if arguments.only in (None, name):
            print(f"{name:10} ", end="")
            for fault in examine(arguments.mlfc, arguments.work / name, source, arguments):
                failed += 1
                print(f"    {fault}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

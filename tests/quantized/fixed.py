#!/usr/bin/python3
"""How far --requantize fixed is from the default, layer by layer on the same integers: at most one step.

    fixed.py MLFC WORK [MODEL INPUTS]

Without a model: every recorded quantised one that MLFC_TEST_DATA names. The model runs as it is by
default; each of its layers is then computed again from the integers of that run, with multipliers and
shifts in place of the real factor. Status 1 when any element of any layer is off by more than a step.
"""
import pathlib
import sys

import numpy
import onnx

from runs import (Layers, apart, file_name, mlfc_outputs, model_inputs, test_data, worst)

FAST = ["--cc-flags=-O1"]
RECORDED = ["onnx/micro_kws_qdq", "onnx/micro_kws_qoperator", "onnx/micro_kws_qoperator_emx",
            "onnx/mobilenet_v2_qlinear", "onnx/mnist5x5_dynq", "onnx/mnist_convinteger",
            "onnx/nemo_dronet", "onnx/deepquant_block", "onnx/deeploy_minimobilenetv2",
            "onnx/deeploy_mlperf_kws", "onnx/deeploy_mlperf_resnet8", "baseline/resnet8_int8_qdq"]


def recorded_model(folder):
    """A model of ours with its first inputs."""
    if folder.is_dir():
        static = folder / "model_static.onnx"
        model = onnx.load(str(static if static.exists() else folder / "model.onnx"))
        return model, read_inputs(model, folder / "inputs")
    model = onnx.load(f"{folder}.onnx")
    return model, dict(numpy.load(f"{folder}.npz"))


def read_inputs(model, folder):
    inputs = {}
    for i, name in enumerate(model_inputs(model)):
        by_name = folder / file_name(name)
        inputs[name] = numpy.load(by_name if by_name.exists() else folder / f"input_{i}.npy")
    return inputs


def output_text(real, fixed):
    """The model's results: integers in steps; reals relative to the largest."""
    if numpy.issubdtype(real.dtype, numpy.integer):
        return f"{apart(real, fixed)[0]} steps"
    size = float(numpy.abs(real).max(initial=0))
    off = float(numpy.abs(real - fixed).max(initial=0))
    same = "same" if real.argmax() == fixed.argmax() else "another"
    return "the same" if off == 0 else f"off by {off / max(size, 1e-30):.2g} of the largest, {same} top 1"


def compare(mlfc, work, model, inputs):
    """A row of the table: layers, most steps, share of elements off, where, and at the output."""
    def real(what, given):
        return mlfc_outputs(mlfc, work / "real", what, given, FAST)

    def fixed(what, given):
        return mlfc_outputs(mlfc, work / "fixed", what, given, [*FAST, "--requantize", "fixed"])

    layers = Layers(model, inputs, real)
    whole = fixed(layers.whole, inputs)
    texts = [output_text(layers.values[o.name], whole[o.name]) for o in layers.model.graph.output]
    if layers.stored:
        last = layers.stored[-1][0]
        texts.append(f"last layer {apart(layers.values[last], whole[last])[0]} steps")
    text = ", ".join(texts)
    if not layers.stored:
        return (0, 0, 0.0, "", text)
    alone = layers.alone(real)
    if worst(layers.stored, layers.values, alone)[1] != 0:
        sys.exit("a layer alone computes something else than in its model")
    return (*worst(layers.stored, alone, layers.alone(fixed)), text)


def main(mlfc, work, *given):
    work = pathlib.Path(work)
    if given:
        model = onnx.load(given[0])
        models = {given[0]: (model, read_inputs(model, pathlib.Path(given[1])))}
    else:
        data = test_data()
        models = {name: recorded_model(data / name) for name in RECORDED}
    print(f"{'model':30} {'layers':>6} {'steps':>6} {'elements off':>13}  at the output")
    failed = 0
    for name, (model, inputs) in models.items():
        count, steps, share, label, output = compare(mlfc, work / pathlib.Path(name).name, model,
                                                     inputs)
        failed += steps > 1
        print(f"{pathlib.Path(name).name:30} {count:6} {steps:6} {share:13.6%}  {output}", flush=True)
        if steps > 1:
            print(f"    more than one step: {label}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])

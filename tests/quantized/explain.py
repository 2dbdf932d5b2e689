#!/usr/bin/python3
"""Says, layer by layer, where a quantised model's integers are not the nearest ones, and why.

    explain.py MLFC WORK MODEL INPUTS   one model
    explain.py MLFC WORK                the recorded models, which MLFC_TEST_DATA names

The model runs twice: compiled by mlfc, and under ONNX Runtime without its optimisations. Every integer
that a layer stores is held against the exact rational result of that layer, on the very integers that
the run at hand fed it, so that one layer's rounding does not blur the next one's:

  rounded   not the nearest integer but its neighbour: the one that the layer's integer sum times its
            factor in f32 gives; or, of layers without one, the exact result is so close to the middle
            of the two that f32 may come out on the other side (bounded in rational.py)
  wrong     neither; of operators that runtimes approximate. Of ours there must be none: status 1

`apart` counts the elements in which the two runs differ, and by how many steps: by their own and by
all earlier layers' rounding. How far a single layer of ours is from ONNX Runtime's: against_ort.py.
"""
import pathlib
import sys

import numpy
import onnx

from fixed import read_inputs
from runs import Layers, mlfc_outputs, need_ort, ort_outputs, test_data
from walk import Walk

RECORDED = ["micro_kws_qdq", "micro_kws_qoperator", "micro_kws_qoperator_emx",
            "mobilenet_v2_qlinear"]


def explain(mlfc, work, model, inputs):
    """Prints the table of a model; true when none of our integers is wrong."""
    layers = Layers(model, inputs, lambda *given: ort_outputs(work, *given, optimised=False))
    ours = mlfc_outputs(mlfc, work, layers.whole, inputs)
    ort = layers.values
    rows = {"ours": Walk(layers.model, inputs, ours).rows, "ort": Walk(layers.model, inputs, ort).rows}
    print(f"{'layer':60} {'elements':>8} {'apart':>6} {'steps':>5}   {'ours: rounded':>13} {'wrong':>5}"
          f"   {'ORT: rounded':>12} {'wrong':>5}")
    for name, label, _ in layers.stored:
        one, other = rows["ours"][name], rows["ort"][name]
        off = numpy.abs(ours[name].astype(numpy.int64) - ort[name].astype(numpy.int64))
        print(f"{label[-60:]:60} {one.count:8} {(off != 0).sum():6} {off.max(initial=0):5}"
              f"   {len(one.rounded):13} {len(one.wrong):5}"
              f"   {len(other.rounded):12} {len(other.wrong):5}")
        for line in one.wrong[:3]:
            print(f"    {line}")
    return not any(row.wrong for row in rows["ours"].values())


def recorded():
    """Models and inputs below MLFC_TEST_DATA; leaves as skipped without them or ONNX Runtime."""
    data = test_data() / "onnx"
    need_ort()
    for name in RECORDED:
        static = data / name / "model_static.onnx"
        yield static if static.exists() else data / name / "model.onnx", data / name / "inputs"


def main(mlfc, work, *model):
    paths = [tuple(map(pathlib.Path, model))] if model else list(recorded())
    fine = True
    for path, inputs in paths:
        print(path)
        model = onnx.load(str(path))
        folder = pathlib.Path(work) / path.parent.name
        fine = explain(mlfc, folder, model, read_inputs(model, inputs)) and fine
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])

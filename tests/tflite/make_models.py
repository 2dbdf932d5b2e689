#!/usr/bin/python3
"""Writes one small model for every operator, with inputs and the outputs NumPy says they have.

    make_models.py --schema frontend/tflite/schema.fbs --out DIR [--rounding HOW]

With --rounding only the quantised ones, as kernels that round that way compute them. With
--together all quantised operators stand in one model, DIR/integers.tflite without data, and all
hybrid ones: for tests where compiling costs more than computing. Control flow stays apart.
DIR/NAME/model.tflite, input_i.npy, golden_i.npy: the layout that `mlfc validate` reads. Which
models there are, and what they should compute, is in cases_*.py; none of it knows the compiler.
"""
import argparse
import os
import sys
import zlib

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases_control  # noqa: E402
import cases_functions  # noqa: E402
import cases_integers  # noqa: E402
import cases_moving  # noqa: E402
import cases_reals  # noqa: E402
import fixed_point  # noqa: E402
import tflite_writer  # noqa: E402


def write_case(case, out, schema):
    """A case: name, build(model, rng) -> (inputs, outputs), arrays in the model's order."""
    folder = os.path.join(out, case.name)
    os.makedirs(folder, exist_ok=True)
    model = tflite_writer.Model(schema)
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    inputs, outputs = case.build(model, rng)
    for i, value in enumerate(inputs):
        np.save(os.path.join(folder, "input_%d.npy" % i), value)
    for i, value in enumerate(outputs):
        np.save(os.path.join(folder, "golden_%d.npy" % i), value)
    tflite_writer.write({os.path.join(folder, "model"): model}, schema)


def write_together(name, cases, out, schema):
    """One model of all cases, whose tensors are named after them."""
    model = tflite_writer.Model(schema)
    graph, outputs = model.main, []
    for case in cases:
        first = len(graph.tensors)
        case.build(model, np.random.default_rng(zlib.crc32(case.name.encode())))
        outputs += graph.outputs
        for tensor in graph.tensors[first:]:
            tensor["name"] = case.name + "_" + tensor["name"]
    graph.outputs = outputs
    os.makedirs(out, exist_ok=True)
    tflite_writer.write({os.path.join(out, name): model}, schema)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schema", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("names", nargs="*", help="only these cases")
    parser.add_argument("--together", action="store_true")
    parser.add_argument("--rounding", choices=["twice-up", "twice", "once"])
    arguments = parser.parse_args()
    fixed_point.rounding = arguments.rounding or fixed_point.rounding
    cases = cases_integers.cases() + cases_functions.cases()
    if arguments.together:
        write_together("integers", cases, arguments.out, arguments.schema)
        hybrid = [case for case in cases_control.cases() if case.name.startswith("hybrid_")]
        write_together("hybrid", hybrid, arguments.out, arguments.schema)
        for case in cases_control.cases():
            if case.name.startswith(("if_", "while_", "variable_")):
                write_together(case.name, [case], arguments.out, arguments.schema)
        return
    if not arguments.rounding:
        cases += cases_reals.cases() + cases_moving.cases() + cases_control.cases()
    for case in cases:
        if not arguments.names or case.name in arguments.names:
            write_case(case, arguments.out, arguments.schema)


if __name__ == "__main__":
    main()

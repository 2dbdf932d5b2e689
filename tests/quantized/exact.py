#!/usr/bin/python3
"""Holds quantised operators against their meaning in exact rational numbers.

    exact.py MLFC WORK [--seed N] [--cases N] [--batches N]

What an integer stands for is scale * (integer - zero point); both are rational. So is the result of
a convolution, a product, a sum or a mean, and so is the integer nearest to it, halves to the even
one. Generated C, compiled and run on the host, and the interpreter must give that integer.

So must every machine of the table below, bit by bit, whatever the compiler does to the C.

f32 cannot always: the rescale of a sum is one rounded product by a factor that is itself rounded.
Where the exact value lies close to the middle of two integers the neighbour may come out, and
nowhere else: within 2^-20, relative to the result, or to the terms that f32 adds up. Where all scales are powers of two every
step is exact and the neighbour is wrong, too.

Many random operators share one model, so that one run of the compiler serves them all.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
from fractions import Fraction

import numpy
import onnx
from onnx import helper, mapping, numpy_helper

from operators import OPERATORS

CLOSE = Fraction(1, 2**20)

# Passes turn the sums into sums of integers; without them everything is computed as it is written, in
# f32, and what rounds then is each term; so it is where scales are inputs of the model.
WAYS = {
    "folded": [],
    "fixed": ["--requantize", "fixed"],  # without an FPU: the neighbour may come out anywhere
    "as written": ["--disabled-pass", "move-quantization,fuse-widening,fold-quantization"],
}

# What must give the same bits as the compiler of the host does: the tool it takes, and how to ask.
MACHINES = {
    "interpreted loops": ("mlfc", ["--device", "interpreter", "--stop-after", "simplify-loops"]),
    "not optimised": ("cc", ["--cc-flags", "-O0"]),
    "optimised for this machine": ("gcc", ["--cc", "gcc", "--cc-flags", "-O3 -march=native"]),
    "clang": ("clang", ["--cc", "clang"]),
    "RV32": ("qemu-system-riscv32", ["--device", "qemu-riscv32"]),
    "RV32 without FPU": (
        "qemu-system-riscv32",
        ["--device", "qemu-riscv32", "--cc-flags", "-march=rv32imac -mabi=ilp32"],
    ),
}


def nearest(value):
    """The nearest integer, halves to the even one; Python rounds fractions that way."""
    return round(value)


def distance_from_tie(value):
    """How far a value is from the middle of two neighbouring integers."""
    return abs(value - (value.__floor__() + Fraction(1, 2)))


def judge(case, actual, way):
    """Counts elements as exact or close, and lists those that are wrong."""
    sizes = case.result_size if way == "folded" and case.is_known else case.term_size
    counts = {"exact": 0, "close": 0}
    wrong = []
    limits = numpy.iinfo(actual.dtype)
    for at, steps in numpy.ndenumerate(case.steps):
        wanted = min(max(nearest(steps) + case.zero, limits.min), limits.max)
        got = int(actual[at])
        near_tie = not case.is_exact and distance_from_tie(steps) <= CLOSE * sizes[at]
        if got == wanted:
            counts["exact"] += 1
        elif abs(got - wanted) == 1 and (near_tie or way == "fixed"):
            counts["close"] += 1
        else:
            wrong.append(f"{case.name}{list(at)} is {got}, exactly {float(steps + case.zero):.9f}")
    return counts, wrong


def save_model(cases, path):
    nodes, inputs, outputs, constants = [], [], [], []
    for case in cases:
        nodes += case.nodes
        constants += [numpy_helper.from_array(v, n) for n, v in case.constants.items()]
        for name, value in case.inputs.items():
            kind = mapping.NP_TYPE_TO_TENSOR_TYPE[value.dtype]
            inputs.append(helper.make_tensor_value_info(name, kind, value.shape))
        kind = mapping.NP_TYPE_TO_TENSOR_TYPE[case.dtype]
        outputs.append(helper.make_tensor_value_info(case.name, kind, case.steps.shape))
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph(nodes, "exact", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 8
    onnx.save(model, path)


def file_name(name):
    """Inputs are found by name, other characters written as one that every file system has."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name) + ".npy"


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def check_batch(mlfc, folder, cases, totals):
    """Runs one model; the elements that are wrong."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("inputs", "expected"):
        (folder / name).mkdir(parents=True)
    save_model(cases, str(folder / "model.onnx"))
    for case in cases:
        for name, value in case.inputs.items():
            numpy.save(folder / "inputs" / file_name(name), value)
    wrong = []
    for way, options in WAYS.items():
        wrong += check_way(mlfc, folder, cases, totals, way, options)
    return wrong


def check_way(mlfc, folder, cases, totals, way, options):
    """Compiles and runs the model in one way; the elements that are wrong."""
    run([mlfc, "run", str(folder / "model.onnx"), "--inputs", str(folder / "inputs"),
         "--outputs", str(folder / "expected"), *options])
    wrong = []
    for number, case in enumerate(cases):
        actual = numpy.load(folder / "expected" / f"output_{number}.npy")
        counts, bad = judge(case, actual, way)
        wrong += [f"{way}: {line}" for line in bad]
        row = totals.setdefault((case.operator, way), {"exact": 0, "close": 0, "wrong": 0})
        for kind, count in counts.items():
            row[kind] += count
        row["wrong"] += len(bad)
    if way == "folded":
        for needed, elsewhere in MACHINES.values():
            if shutil.which(needed) or needed == "mlfc":
                run([mlfc, "validate", *elsewhere, "--rtol", "0", "--atol", "0", str(folder)])
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mlfc")
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=4, help="of each operator in a batch")
    parser.add_argument("--batches", type=int, default=1)
    parser.add_argument("--only", help="one operator")
    arguments = parser.parse_args()

    totals, wrong = {}, []
    for batch in range(arguments.batches):
        rng = numpy.random.default_rng([arguments.seed, batch])
        cases = []
        for name, make in OPERATORS.items():
            for number in range(arguments.cases):
                case = make(rng, f"{name}_{number}")  # made even if unused: the numbers stay the same
                if arguments.only in (None, name):
                    cases.append(case)
        folder = arguments.work / f"batch{batch}"
        bad = check_batch(arguments.mlfc, folder, cases, totals)
        wrong += [f"{folder}: {line}" for line in bad]
    print(f"seed {arguments.seed}")
    for machine, (needed, _) in MACHINES.items():
        found = needed == "mlfc" or shutil.which(needed)
        print(f"{machine}: " + ("the same bits" if found else f"not tested, {needed} is missing"))
    print(f"{'operator':20} {'computed':12} {'exact':>8} {'close':>8} {'wrong':>8}")
    for (name, way), row in totals.items():
        print(f"{name:20} {way:12} {row['exact']:8} {row['close']:8} {row['wrong']:8}")
    print("\n".join(wrong[:20]))
    sys.exit(1 if wrong else 0)


main()

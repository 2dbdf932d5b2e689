#!/usr/bin/python3
# Compares the outputs of a run (an .npz) with a reference (a folder that scripts/ort_run.js wrote).
#
# `mlfc run` numbers outputs in the order of the model, as tvmc does: output_0, output_1, ...; the
# reference names them, and its outputs.json holds the order.
#
# Says for every output how far it is off, and fails when one is missing or superfluous, has
# another shape or type, is not finite, or is off by more than
# rtol * |reference| + atol * max(1, largest |reference|), the rule of `mlfc validate`. Without a
# reference it can only ask that there are outputs and that they are finite.
import argparse
import json
import pathlib
import re
import sys

import numpy


def read_reference(folder):
    """[(name, array)] in the order of the model."""
    names = json.loads((folder / "outputs.json").read_text())
    # The characters that ort_run.js keeps in file names.
    files = [re.sub(r"[^A-Za-z0-9_.-]", "_", name) + ".npy" for name in names]
    return [(name, numpy.load(folder / file)) for name, file in zip(names, files)]


def problem_of(ours, theirs, options):
    """What is wrong with an output, or None; and how far it is off."""
    if not numpy.isfinite(ours).all():
        return "holds values that are not finite", ""
    if theirs is None:
        return None, f"between {ours.min():.6g} and {ours.max():.6g}"
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return f"is {ours.dtype}{ours.shape}, not {theirs.dtype}{theirs.shape}", ""
    error = numpy.abs(ours.astype(numpy.float64) - theirs.astype(numpy.float64))
    size = numpy.abs(theirs.astype(numpy.float64))
    allowed = options.rtol * size + options.atol * max(1, size.max(initial=0))
    measure = f"off by at most {error.max():.3g}, {(error / allowed).max():.2g} of what is allowed"
    if (error <= allowed).all():
        return None, measure
    worst = numpy.unravel_index((error - allowed).argmax(), error.shape)
    where = [int(index) for index in worst]
    return f"is {ours[worst]} at {where}, not {theirs[worst]}", measure


def main():
    parser = argparse.ArgumentParser(description="Compares outputs with a reference.")
    parser.add_argument("ours", type=pathlib.Path, help="outputs of a run, an .npz")
    parser.add_argument("reference", type=pathlib.Path, nargs="?", help="folder of NAME.npy")
    parser.add_argument("--rtol", type=float, default=1e-4)
    parser.add_argument("--atol", type=float, default=1e-5)
    options = parser.parse_args()

    ours = dict(numpy.load(options.ours))
    if options.reference is None:
        reference = [(name, None) for name in ours]
    else:
        reference = read_reference(options.reference)
    numbered = [f"output_{i}" for i in range(len(reference))]
    if not ours or sorted(ours) != sorted(numbered):
        print(f"  {options.ours} holds {sorted(ours)}, not {numbered}")
        return 1
    failed = False
    for number, (name, theirs) in zip(numbered, reference):
        problem, measure = problem_of(ours[number], theirs, options)
        print(f"  {name}: {problem or 'good'}{'; ' if measure else ''}{measure}")
        failed = failed or problem is not None
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

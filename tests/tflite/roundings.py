#!/usr/bin/python3
"""Quantised models whose outputs were recorded twice, by kernels of different rounding: each
recording is met to the last bit by the rounding it was made with.

    roundings.py MLFC WORK_FOLDER

MLFC_TEST_DATA names the folder with the recordings: output_0.npy by TensorFlow Lite's interpreter,
shipped_float_0.npy by whoever made the model, with a build for single rounding, as real numbers.
Beside them the table that this prints says how far the ways to round are apart, in steps.
"""
import glob
import json
import os
import shutil
import subprocess
import sys

import numpy as np

EXACT = {"recorded": "twice-up", "shipped": "once"}


def outputs(mlfc, model, folder, rounding):
    """What `mlfc run` makes of each recorded set."""
    archive = os.path.join(folder, "model.tar")
    subprocess.run([mlfc, "compile", model, "--tflite-rounding", rounding, "-o", archive],
                   check=True, capture_output=True)
    for place in sorted(glob.glob(os.path.join(os.path.dirname(model), "*_*", "input_0.npy"))):
        made, given = os.path.join(folder, "outputs"), os.path.join(folder, "inputs")
        shutil.rmtree(given, ignore_errors=True)
        os.makedirs(given)
        shutil.copy(place, given)
        subprocess.run([mlfc, "run", archive, "--inputs", given, "--outputs", made], check=True,
                       capture_output=True)
        yield os.path.dirname(place), np.load(os.path.join(made, "output_0.npy")).astype(int)


def recordings(place, output):
    """Kind of kernels -> elements: reals are put back onto the output's scale."""
    found = {"recorded": np.load(os.path.join(place, "output_0.npy")).astype(int)}
    shipped = os.path.join(place, "shipped_float_0.npy")
    if os.path.exists(shipped):
        found["shipped"] = np.round(np.load(shipped) / output["scale"] + output["zp"]).astype(int)
    return found


def main():
    mlfc, work = sys.argv[1:3]
    models = os.path.join(os.environ.get("MLFC_TEST_DATA", ""), "models", "tflite")
    if not os.path.isdir(models):
        print("skipped: MLFC_TEST_DATA does not name a folder with models/tflite")
        return 77
    os.makedirs(work, exist_ok=True)
    failures = compared = 0
    for name in sorted(os.listdir(models)):
        folder = os.path.join(models, name)
        with open(os.path.join(folder, "meta.json"), encoding="utf-8") as file:
            output = json.load(file)["outputs"][0]
        if output["dtype"] != "int8":
            continue
        for rounding in ("twice-up", "twice", "once"):
            steps, tops = {}, {}
            for place, y in outputs(mlfc, os.path.join(folder, "model.tflite"), work, rounding):
                for kind, wanted in recordings(place, output).items():
                    steps.setdefault(kind, []).append(int(abs(y - wanted).max()))
                    tops.setdefault(kind, []).append(y.argmax() == wanted.argmax())
            for kind, far in steps.items():
                compared += 1
                must_be_exact = EXACT[kind] == rounding
                is_wrong = must_be_exact and max(far) > 0
                failures += is_wrong
                print(f"{'FAILED' if is_wrong else 'exact' if max(far) == 0 else 'differs':8}"
                      f"{name}, {rounding}, {kind}: steps {far}, same top 1 in "
                      f"{sum(tops[kind])} of {len(far)}")
    if compared == 0:
        print("no quantised model was found")
    return 1 if failures > 0 or compared == 0 else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Collects the outputs that scripts/ort_run.js wrote into FOLDER in one .npz, numbered as `mlfc run`
numbers them: output_0, output_1, ... in the order of the model.

    reference_to_npz.py FOLDER FILE.npz
"""
import pathlib
import sys

import numpy

from compare import read_reference

outputs = read_reference(pathlib.Path(sys.argv[1]))
numpy.savez(sys.argv[2], **{f"output_{i}": array for i, (_, array) in enumerate(outputs)})

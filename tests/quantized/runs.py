"""Runs models under mlfc and ONNX Runtime, whole or cut into layers, for the tests of this folder.

A quantised model consists of layers: what lies between one stored integer tensor and the next. `cut`
makes a model in which each layer stands alone: it reads inputs of the model in place of the tensors
that other layers stored, and what it stores is an output. So two programs can be given the very same
integers layer by layer, and one layer's rounding does not blur the next one's.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy
import onnx
from onnx import TensorProto, helper, mapping

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77

# Operands of the QLinear operators as triples (value, scale, zero point), the operator on real
# numbers, the result's scale and zero point, and the bias.
PLAIN = {
    "QLinearConv": ("Conv", [0, 3], 6, 8),
    "QLinearMatMul": ("MatMul", [0, 3], 6, None),
    "QLinearAdd": ("Add", [0, 3], 6, None),
    "QLinearMul": ("Mul", [0, 3], 6, None),
    "QLinearAveragePool": ("AveragePool", [0], 3, None),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", [0], 3, None),
    "QLinearLeakyRelu": ("LeakyRelu", [0], 3, None),
    "QLinearSigmoid": ("Sigmoid", [0], 3, None),
    "QLinearSoftmax": ("Softmax", [0], 3, None),
}

# Where operators that store integers have their result's zero point, which gives its type.
ZERO_POINT = {"QuantizeLinear": 2, **{name: row[2] + 1 for name, row in PLAIN.items()}}


def attributes_of(node):
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def test_data():
    """The folder of recorded models; leaves as skipped without it."""
    folder = os.environ.get("MLFC_TEST_DATA", "")
    if not folder or not (pathlib.Path(folder) / "models").is_dir():
        skip("MLFC_TEST_DATA does not name a folder with models")
    return pathlib.Path(folder) / "models"


def need_ort():
    """Leaves as skipped without ONNX Runtime."""
    if subprocess.run([HERE / "../../scripts/setup_ort"], capture_output=True).returncode != 0:
        skip("ONNX Runtime is not here and cannot be installed")


def run(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def file_name(name):
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name) + ".npy"


def write_inputs(folder, values):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, value in values.items():
        numpy.save(folder / file_name(name), value)
    return folder


def model_inputs(model):
    constants = {i.name for i in model.graph.initializer}
    return [i.name for i in model.graph.input if i.name not in constants]


def mlfc_outputs(mlfc, work, model, inputs, options=()):
    """What mlfc computes, by the names of the model's outputs."""
    path = work / "model.onnx"
    work.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    shutil.rmtree(work / "mlfc", ignore_errors=True)
    numpy.savez(work / "inputs.npz", **inputs)
    run([mlfc, "run", path, "--inputs", work / "inputs.npz", "--outputs", work / "mlfc", *options])
    return {output.name: numpy.load(work / "mlfc" / f"output_{i}.npy")
            for i, output in enumerate(model.graph.output)}


def ort_outputs(work, model, inputs, optimised):
    """What ONNX Runtime computes, with all of its graph optimisations or none."""
    path = work / "model.onnx"
    work.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    given = write_inputs(work / "inputs", inputs)
    shutil.rmtree(work / "ort", ignore_errors=True)
    ort = HERE / "../../scripts/ort_run.js"
    run([ort, path, given, work / "ort", "--opt", "all" if optimised else "none"])
    names = json.load(open(work / "ort/outputs.json"))
    return {name: numpy.load(work / "ort" / file_name(name)) for name in names}


def numbered(model):
    """The model with its tensors that layers store called stored_0, stored_1, ...; their nodes."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    kinds = {i.name: i.data_type for i in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant":
            kinds[node.output[0]] = node.attribute[0].t.data_type
    stored, names = [], {}
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = names.get(name, name)
        if node.op_type not in ZERO_POINT:
            continue
        zero = node.input[ZERO_POINT[node.op_type]]
        label = f"{node.op_type} {node.output[0]}"
        names[node.output[0]] = f"stored_{len(stored)}"
        node.output[0] = f"stored_{len(stored)}"
        stored.append((node.output[0], label, kinds[zero]))
    for output in model.graph.output:
        output.name = names.get(output.name, output.name)
    return model, stored


def exposed(model, stored):
    """Every stored tensor is an output."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    present = {output.name for output in model.graph.output}
    for name, _, kind in stored:
        if name not in present:
            model.graph.output.append(helper.make_tensor_value_info(name, kind, None))
    return model


def cut(model, stored, values):
    """Every layer alone: stored_i is an input, what the layer makes of its inputs is result_i."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    renamed = {name: name.replace("stored", "result") for name, _, _ in stored}
    for node in model.graph.node:
        for i, name in enumerate(node.output):
            node.output[i] = renamed.get(name, name)
    del model.graph.value_info[:]
    del model.graph.output[:]
    for name, _, kind in stored:
        given = helper.make_tensor_value_info(name, kind, values[name].shape)
        model.graph.input.append(given)
        model.graph.output.append(helper.make_tensor_value_info(renamed[name], kind, None))
    read = {name for node in model.graph.node for name in node.input}
    for given in list(model.graph.input):  # the last tensor is read by nobody
        if given.name in renamed and given.name not in read:
            model.graph.input.remove(given)
    return model


class Layers:
    """A quantised model with what its layers store in one run of a reference."""

    def __init__(self, model, inputs, reference):
        """`reference` runs a model on inputs."""
        self.model, self.stored = numbered(model)
        self.inputs = inputs
        self.whole = exposed(self.model, self.stored)
        self.values = reference(self.whole, inputs)
        self.cut = cut(self.model, self.stored, self.values)
        names = set(model_inputs(self.cut))
        self.cut_inputs = {n: v for n, v in {**self.values, **inputs}.items() if n in names}

    def alone(self, runner):
        """What another program makes of each layer's inputs; by the names of stored tensors."""
        results = runner(self.cut, self.cut_inputs)
        return {name.replace("result", "stored"): value for name, value in results.items()}


def apart(a, b):
    """Largest difference in steps and the share of elements that differ."""
    if a.shape != b.shape or a.dtype != b.dtype:
        sys.exit(f"compared {a.dtype}{a.shape} with {b.dtype}{b.shape}")
    off = numpy.abs(a.astype(numpy.int64) - b.astype(numpy.int64))
    return int(off.max(initial=0)), float((off != 0).mean()) if off.size else 0.0


def worst(stored, one, other):
    """Over all layers: how many, largest difference, share of elements, the layer that differs most."""
    most, label, elements, different = 0, "", 0, 0.0
    for name, what, _ in stored:
        steps, share = apart(one[name], other[name])
        elements += one[name].size
        different += share * one[name].size
        if steps > most:
            most, label = steps, what
    return len(stored), most, different / max(elements, 1), label

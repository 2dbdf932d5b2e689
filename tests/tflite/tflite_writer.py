"""Writes TensorFlow Lite models: Python values to flatc's JSON, flatc makes the file.

A Model has subgraphs, the first is the model itself. Tensors are made by input(), constant(),
variable() and by the operators, which say what they compute by their names in the format.
"""
import json
import re
import subprocess

import numpy as np

TYPES = {
    "float32": "FLOAT32", "float16": "FLOAT16", "int32": "INT32", "uint8": "UINT8",
    "int64": "INT64", "bool": "BOOL", "int16": "INT16", "int8": "INT8", "float64": "FLOAT64",
    "uint32": "UINT32", "uint16": "UINT16",
}


class Subgraph:
    """Tensors and operators; every method returns the index of a tensor."""

    def __init__(self, model, name):
        self.model, self.name = model, name
        self.tensors, self.operators, self.inputs, self.outputs = [], [], [], []

    def tensor(self, name, shape, dtype, scale=None, zero_point=None, axis=0, **fields):
        entry = {"name": name, "type": TYPES.get(dtype, dtype), "buffer": 0, **fields}
        if shape is not None:
            entry["shape"] = [int(extent) for extent in shape]
        if scale is not None:
            scales = [float(s) for s in np.atleast_1d(scale)]
            zeros = [int(z) for z in np.atleast_1d(0 if zero_point is None else zero_point)]
            entry["quantization"] = {"scale": scales, "zero_point": zeros,
                                     "quantized_dimension": axis}
        self.tensors.append(entry)
        return len(self.tensors) - 1

    def input(self, name, shape, dtype="float32", **fields):
        self.inputs.append(self.tensor(name, shape, dtype, **fields))
        return self.inputs[-1]

    def constant(self, value, name=None, **fields):
        value = np.asarray(value)
        index = self.tensor(name or "constant%d" % len(self.tensors), value.shape,
                            value.dtype.name, **fields)
        self.tensors[index]["buffer"] = self.model.buffer(value.tobytes())
        return index

    def variable(self, name, shape, dtype="float32"):
        return self.tensor(name, shape, dtype, is_variable=True)

    def op(self, name, inputs, outputs, options=None, custom=False):
        """outputs: [(name, shape, dtype)] or indices of tensors; options: (table, fields)."""
        made = [o if isinstance(o, int) else self.tensor(*o[:3], **(o[3] if len(o) > 3 else {}))
                for o in outputs]
        entry = {"opcode_index": self.model.code(name, custom), "inputs": list(inputs),
                 "outputs": made}
        if options is not None:
            entry["builtin_options_type"] = options[0]
            entry["builtin_options"] = options[1]
        self.operators.append(entry)
        return made

    def json(self):
        return {"tensors": self.tensors, "inputs": self.inputs, "outputs": self.outputs,
                "operators": self.operators, "name": self.name}


class Model:
    def __init__(self, schema):
        self.numbers = builtin_numbers(schema)
        self.codes, self.buffers, self.subgraphs = [], [{}], []
        self.main = self.subgraph("main")

    def subgraph(self, name):
        self.subgraphs.append(Subgraph(self, name))
        return self.subgraphs[-1]

    def buffer(self, data):
        self.buffers.append({"data": list(data)})
        return len(self.buffers) - 1

    def code(self, name, custom=False):
        builtin = "CUSTOM" if custom else name
        entry = {"builtin_code": builtin, "version": 1,
                 "deprecated_builtin_code": min(self.numbers[builtin], 127)}
        if custom:
            entry["custom_code"] = name
        if entry not in self.codes:
            self.codes.append(entry)
        return self.codes.index(entry)

    def json(self):
        return {"version": 3, "operator_codes": self.codes, "description": "made by a test",
                "subgraphs": [graph.json() for graph in self.subgraphs],
                "buffers": self.buffers}


def builtin_numbers(schema, cache={}):
    if schema not in cache:
        with open(schema) as file:
            body = re.search(r"enum BuiltinOperator : int \{(.*?)\}", file.read(), re.S).group(1)
        cache[schema] = {name: int(number)
                         for name, number in re.findall(r"(\w+) = (\d+)", body)}
    return cache[schema]


def write(models, schema, flatc="flatc"):
    """models: {path without extension: Model}; writes path.tflite for each."""
    for path, model in models.items():
        with open(path + ".json", "w") as file:
            json.dump(model.json(), file)
    by_folder = {}
    for path in models:
        folder = path.rsplit("/", 1)[0]
        by_folder.setdefault(folder, []).append(path + ".json")
    for folder, files in by_folder.items():
        subprocess.run([flatc, "-b", "-o", folder, schema] + files, check=True,
                       stdout=subprocess.DEVNULL)

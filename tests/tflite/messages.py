#!/usr/bin/python3
"""What the importer says of models that are wrong, of those it cannot compile, and what names and
states of a model become in its archive.

    messages.py MLFC SCHEMA WORK_FOLDER PLUGIN

Every refusal is one `Error:` (exit code 4) that names the place; the first line of the list below
that does not hold fails the test.
"""
import json
import os
import re
import resource
import subprocess
import sys
import tarfile

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases_control  # noqa: E402
from tflite_writer import Model, write  # noqa: E402

f32 = np.float32


def two_squares(model):
    """x -> EXP -> y, the simplest model to break."""
    graph = model.main
    x = graph.input("x", (2, 3))
    graph.outputs = graph.op("EXP", [x], [("y", (2, 3), "float32")])
    return graph


def with_constant(model, **fields):
    graph = model.main
    x = graph.input("x", (2, 3))
    w = graph.constant(np.ones((2, 3), np.int8), name="w", **fields)
    graph.outputs = graph.op("FULLY_CONNECTED", [x, w], [("y", (2, 2), "float32")],
                             ("FullyConnectedOptions", {}))
    return graph


# Each: what is done to a model, and what the message matches.

def unsupported(model):
    graph = two_squares(model)
    a = graph.op("UNIQUE", [0], [("u", (3,), "float32"), ("i", (3,), "int32")])
    graph.op("MatMulOfMine", a[:1], [("m", (3,), "float32")], custom=True)
    graph.op("WHERE", [0], [("places", (3,), "int64")])


def unsupported_in_branch(model):
    graph = model.main
    c = graph.input("c", (), "bool")
    x = graph.input("x", (2, 3))
    cases_control.add_branches(model, "WHERE")
    graph.outputs = graph.op("IF", [c, x], [("y", (2, 3), "float32")],
                             ("IfOptions", {"then_subgraph_index": 1, "else_subgraph_index": 2}))


def unknown_operator(model):
    two_squares(model)
    model.codes[0].update({"builtin_code": 4711})


def endless(model):
    graph = model.main
    x = graph.input("x", ())
    for name in ("condition", "body"):
        inner = model.subgraph(name)
        v = inner.input("v", ())
        if name == "condition":
            inner.outputs = inner.op("LESS", [v, inner.constant(f32(5))], [("c", (), "bool")])
        else:
            inner.outputs = inner.op("EXP", [v], [("e", (), "float32")])
    graph.outputs = graph.op("WHILE", [x], [("y", (), "float32")],
                             ("WhileOptions", {"cond_subgraph_index": 1,
                                               "body_subgraph_index": 2}))


def calls_itself(model):
    graph = model.main
    x = graph.input("x", ())
    inner = model.subgraph("inner")
    v = inner.input("v", ())
    inner.outputs = inner.op("CALL", [v], [("w", (), "float32")], ("CallOptions", {"subgraph": 1}))
    graph.outputs = graph.op("CALL", [x], [("y", (), "float32")], ("CallOptions", {"subgraph": 1}))


def nested_loops(turns, shape=(), depth=1):
    """Loops within loops that count from 0 to `turns`, all on constants; 2 subgraphs each."""
    def loop(model, graph, x, level):
        start = graph.constant(np.zeros(shape, np.int32))
        return graph.op("WHILE", [start, x], [("count", shape, "int32"), ("y", (2, 3), "float32")],
                        ("WhileOptions", {"cond_subgraph_index": 2 * level + 1,
                                          "body_subgraph_index": 2 * level + 2}))[1]

    def build(model):
        x = model.main.input("x", (2, 3))
        model.main.outputs = model.main.op("NEG", [loop(model, model.main, x, 0)],
                                           [("z", (2, 3), "float32")])
        for level in range(depth):
            condition = model.subgraph("condition")
            count = condition.input("count", shape, "int32")
            condition.input("x", (2, 3))
            less = condition.op("LESS", [count, condition.constant(np.int32(turns))],
                                [("less", shape, "bool")], ("LessOptions", {}))
            axes = condition.constant(np.arange(len(shape), dtype=np.int32))
            condition.outputs = condition.op("REDUCE_ANY", less + [axes], [("any", (), "bool")],
                                             ("ReducerOptions", {}))
            body = model.subgraph("body")
            count = body.input("count", shape, "int32")
            x = body.input("x", (2, 3))
            following = body.op("ADD", [count, body.constant(np.int32(1))],
                                [("next", shape, "int32")], ("AddOptions", {}))
            body.outputs = following + [loop(model, body, x, level + 1) if level + 1 < depth else x]
    return build


def forever(model):
    x = model.main.input("x", (2, 3))
    condition, body = model.subgraph("condition"), model.subgraph("body")
    condition.input("x", (2, 3))
    condition.outputs = [condition.constant(np.bool_(True))]
    body.outputs = [body.input("x", (2, 3))]
    model.main.outputs = model.main.op("WHILE", [x], [("y", (2, 3), "float32")],
                                       ("WhileOptions", {"cond_subgraph_index": 1,
                                                         "body_subgraph_index": 2}))


def doubling(kind):
    """Every subgraph runs the next one twice, 30 levels deep."""
    levels = 30
    def twice_of(graph, level):
        condition, x = graph.input("condition", (), "bool"), graph.input("x", (2, 3))
        for name in ("once", "again"):
            options = (("CallOptions", {"subgraph": level}) if kind == "CALL" else
                       ("IfOptions", {"then_subgraph_index": level, "else_subgraph_index": level}))
            operands = [condition, x] if kind == "CALL" else [condition, condition, x]
            if level <= levels:
                x = graph.op(kind, operands, [(name, (2, 3), "float32")], options)[0]
        graph.outputs = [x]

    def build(model):
        twice_of(model.main, 1)
        for level in range(levels):
            twice_of(model.subgraph("level"), level + 2)
    return build


def much_arithmetic(model):
    """Variables that begin as what would take days to multiply."""
    begin = model.subgraph("begin")
    size = begin.constant(np.array([1 << 14, 1 << 14], np.int32))
    ones = begin.op("FILL", [size, begin.constant(f32(1))], [("ones", (1 << 14, 1 << 14), "float32")],
                    ("FillOptions", {}))
    begin.op("ASSIGN_VARIABLE", [cases_control.handle(begin, "total")] + ones, [],
             ("AssignVariableOptions", {}))
    graph = two_squares(model)
    graph.op("CALL_ONCE", [], [], ("CallOnceOptions", {"init_subgraph_index": 1}))


# What a few hundred bytes can ask for; each is refused at once.
EXHAUSTING = [
    (forever, r"operator 0 WHILE 'y': runs more than 10000 times"),
    (nested_loops(10001), r"operator 0 WHILE 'count': runs more than 10000 times"),
    (nested_loops(9999, depth=3), r"takes more than 200000 nodes, constants and calls"),
    (nested_loops(9999, shape=(65536,)), r"WHILE 'count': how often it runs takes too long"),
    (doubling("CALL"), r"takes more than 200000 nodes, constants and calls"),
    (doubling("IF"), r"takes more than 200000 nodes, constants and calls"),
    (much_arithmetic, r"takes \d+ bytes"),
]
MOST_SECONDS = 5  # of the processor; a second is usual where a sanitizer watches


def changed(**fields):
    def change(model):
        two_squares(model).tensors[0].update(fields)
    return change


def operator_field(**fields):
    def change(model):
        two_squares(model).operators[0].update(fields)
    return change


def short_buffer(model):
    with_constant(model, scale=0.1)
    model.buffers[-1]["data"].pop()


def other_shape(model):
    """A variable that begins as two numbers becomes six."""
    graph = model.main
    x = graph.input("x", (2, 3))
    total = cases_control.handle(graph, "total")
    old = graph.op("READ_VARIABLE", [total], [("old", (2,), "float32")],
                   ("ReadVariableOptions", {}))
    graph.op("ASSIGN_VARIABLE", [total, x], [], ("AssignVariableOptions", {}))
    graph.outputs = graph.op("NEG", old, [("y", (2,), "float32")], ("NegOptions", {}))


def projection(model):
    graph = model.main
    cases_control.lstm(False, False, 0.0)(model, np.random.default_rng(0))
    graph.operators[0]["inputs"][16] = graph.constant(np.zeros((5, 5), f32))


def not_computed(model):
    graph = two_squares(model)
    graph.tensor("nothing", (2, 3), "float32")
    graph.operators[0]["inputs"] = [len(graph.tensors) - 1]


def twice(model):
    graph = two_squares(model)
    graph.op("SIN", [0], [1])


REFUSALS = [
    (unsupported, r"3 operators are not supported:\n  UNIQUE at operator 1 'u'\n"
                  r"  WHERE at operator 3 'places'\n"
                  r"  custom operator MatMulOfMine at operator 2 'm'\n$"),
    (unsupported_in_branch, r"one operator is not supported: WHERE at subgraph 1 operator 0 'y'"),
    (unknown_operator, r"builtin 4711 at operator 0 'y'"),
    (endless, r"operator 0 WHILE 'y': how often it runs depends on data \(after 0 turns\)"),
    (calls_itself, r"call each other deeper than 32 levels"),
    (changed(shape=[2, -5]), r"tensor 'x': has the impossible shape \[2,-5\]"),
    (changed(shape=[-1, 3]), r"input 'x': has the shape \[-1,3\]; .* --input-shapes \"x:"),
    (changed(shape=[1 << 30, 1 << 30]), r"tensor 'x'.*elements"),
    (changed(type="STRING"), r"input 'x': is of type STRING, which is not supported"),
    (changed(buffer=99), r"tensor 'x': refers to buffer 99 of 1"),
    (operator_field(inputs=[7]), r"operator 0: its inputs name tensor 7 of 2"),
    (operator_field(outputs=[-1]), r"operator 0: its outputs name tensor -1 of 2"),
    (operator_field(opcode_index=3), r"operator 0: refers to operator code 3 of 1"),
    (operator_field(inputs=[]), r"operator 0 EXP 'y': has 0 inputs .* at least 1"),
    (not_computed, r"reads 'nothing', which no operator before it computes"),
    (twice, r"tensor 'y' is computed twice"),
    (short_buffer, r"tensor 'w': is INT8\[2,3\], which takes 6 bytes, but its buffer has 5"),
    (lambda m: with_constant(m), r"its input 1 holds integers without a scale"),
    (lambda m: with_constant(m, scale=-0.5), r"tensor 'w': has the scale -0.5"),
    (lambda m: with_constant(m, scale=float("nan")), r"tensor 'w': has the scale nan"),
    (lambda m: with_constant(m, scale=[0.1, 0.2, 0.3]), r"tensor 'w': has 3 scales along"),
    (lambda m: with_constant(m, scale=[0.1, 0.2], zero_point=[0, 0, 0]), r"3 zero points"),
    (lambda m: with_constant(m, scale=0.1, zero_point=128),
     r"tensor 'w': has the zero point 128, which is no INT8"),
    (lambda m: with_constant(m, scale=0.1, zero_point=3), r"weights have the zero point 3"),
    (lambda m: with_constant(m, scale=0.1, sparsity={}), r"tensor 'w': is stored sparsely"),
    (other_shape, r"^Error: .*/refused\d+.tflite: variable 'total': is f32\[2\] but becomes f32\[2,3\]"),
    (projection, r"UNIDIRECTIONAL_SEQUENCE_LSTM 'y': has a projection, which is not supported"),
]


class Checks:
    def __init__(self, mlfc, schema, work):
        self.mlfc, self.schema, self.work = mlfc, schema, work
        self.failures = 0
        os.makedirs(work, exist_ok=True)

    def model(self, name, build):
        model = Model(self.schema)
        build(model)
        path = os.path.join(self.work, name)
        write({path: model}, self.schema)
        return path + ".tflite"

    def run(self, *arguments):
        return subprocess.run([self.mlfc, *arguments], capture_output=True, text=True,
                              cwd=self.work)

    def expect(self, what, holds, result):
        if not holds:
            self.failures += 1
            print("FAILED: %s\nstatus %d\n%s%s" % (what, result.returncode, result.stdout,
                                                  result.stderr))

    def refuses(self, pattern, *arguments):
        result = self.run("compile", *arguments, "-o", "refused.tar")
        is_one_error = result.stderr.count("Error:") == 1 and result.stderr.startswith("Error:")
        self.expect("%s: %s" % (arguments[0], pattern),
                    result.returncode == 4 and is_one_error and
                    re.search(pattern, result.stderr) is not None, result)

    def archive(self, *arguments):
        """metadata of the archive that the arguments make; None when they make none."""
        result = self.run("compile", *arguments, "-o", "made.tar")
        self.expect("compiles: %s" % (arguments,), result.returncode == 0, result)
        if result.returncode != 0:
            return None
        with tarfile.open(os.path.join(self.work, "made.tar")) as tar:
            metadata = json.load(tar.extractfile("./metadata.json"))
        module = next(iter(metadata["modules"].values()))
        return module["memory"]["functions"]["main"][0]

    def holds(self, what, condition):
        if not condition:
            self.failures += 1
            print("FAILED: " + what)


def check_refusals(checks):
    for i, (build, pattern) in enumerate(REFUSALS):
        checks.refuses(pattern, checks.model("refused%d" % i, build))
    whole = checks.model("whole", two_squares)
    with open(whole, "rb") as file:
        content = file.read()
    for name, part, pattern in (
            ("empty", b"", r"not a TensorFlow Lite model.*empty"),
            ("text", b"this is no model at all", r"lacks the mark 'TFL3'"),
            ("cut", content[:len(content) // 2], r"is damaged"),
            ("aimless", content[:4] + b"TFL3" + b"\xff" * 64, r"is damaged")):
        path = os.path.join(checks.work, name + ".tflite")
        with open(path, "wb") as file:
            file.write(part)
        checks.refuses(pattern, path)
    checks.refuses(r"--input-shapes gives it \[4,3\], but the model says \[2,3\]", whole,
                   "--input-shapes", "x:[4,3]")
    checks.refuses(r"--input-shapes names 'z', which is not an input; inputs are 'x'", whole,
                   "--input-shapes", "z:[4,3]")


def check_budgets(checks):
    for i, (build, pattern) in enumerate(EXHAUSTING):
        path = checks.model("exhausting%d" % i, build)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        checks.refuses(pattern, path)
        seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        checks.holds("%s is refused within seconds: %.1f" % (path, seconds), seconds < MOST_SECONDS)


def check_names(checks):
    def names(model):
        graph = model.main
        x = graph.input("serving_default_x:0", (1, 3), shape_signature=[-1, 3])
        graph.outputs = graph.op("EXP", [x], [("Stateful/Call:0", (1, 3), "float32")])
        graph.outputs += graph.op("SIN", [x], [("", (1, 3), "float32")])
        graph.outputs += [x]

    path = checks.model("names", names)
    main = checks.archive(path)
    if main is not None:
        checks.holds("inputs keep their names: %s" % main["inputs"],
                     list(main["inputs"]) == ["serving_default_x:0"])
        checks.holds("outputs have C's form of theirs: %s" % main["outputs"],
                     sorted(main["outputs"]) == ["Stateful_Call_0", "serving_default_x_0",
                                                 "tvmgen_tensor_2"])
    main = checks.archive(path, "--input-shapes", "serving_default_x:0:[5,3]")
    if main is not None:
        checks.holds("open dimensions are given: %s" % main["inputs"],
                     main["inputs"]["serving_default_x:0"]["size"] == 5 * 3 * 4)


def check_states(checks):
    def build(model):
        cases_control.initialised_variable(model, np.random.default_rng(0))

    path = checks.model("states", build)
    main = checks.archive(path)
    if main is not None:
        checks.holds("a variable is an input: %s" % main["inputs"],
                     sorted(main["inputs"]) == ["total", "x"])
        checks.holds("and an output: %s" % main["outputs"], sorted(main["outputs"]) == ["total_next", "y"])
    main = checks.archive(path, "--state", "reset")
    if main is not None:
        checks.holds("unless runs start anew: %s" % main,
                     len(main["inputs"]) == 1 and len(main["outputs"]) == 1)
    # Without data, mlfc run begins with what CALL_ONCE assigns: the state after a run of zeros.
    np.save(os.path.join(checks.work, "x.npy"), np.zeros((2, 2), f32))
    result = checks.run("run", path, "--inputs", "x.npy", "--outputs", "outputs")
    checks.expect("a model with states runs", result.returncode == 0, result)
    if result.returncode == 0:
        shown = np.load(os.path.join(checks.work, "outputs", "output_1.npy"))
        checks.holds("the state begins at 7: %s" % shown, (shown == 7).all())


def check_plugin(checks, plugin):
    def build(model):
        graph = model.main
        x = graph.input("x", (2, 3))
        graph.outputs = graph.op("HalfOf", [x], [("y", (2, 3), "float32")], custom=True)

    path = checks.model("custom", build)
    checks.refuses(r"one operator is not supported: custom operator HalfOf at operator 0 'y'", path)
    x = np.arange(6, dtype=f32).reshape(2, 3)
    np.save(os.path.join(checks.work, "x.npy"), x)
    result = checks.run("run", path, "--plugin", plugin, "--inputs", "x.npy", "--outputs", "half")
    checks.expect("a plugin's rule is used", result.returncode == 0, result)
    if result.returncode == 0:
        y = np.load(os.path.join(checks.work, "half", "output_0.npy"))
        checks.holds("and means what it says: %s" % y, (y == x / 2).all())


def check_plugin_state(checks, plugin):
    """A custom operator that remembers: three slots, fed three times."""
    def build(cycles):
        def change(model):
            graph = model.main
            fields = dict(scale=0.5, zero_point=3)
            x = graph.input("x", (1, 1, 1, 2), "int8", **fields)
            graph.outputs = graph.op("CIRCULAR_BUFFER", [x],
                                     [("y", (1, 3, 1, 2), "int8", fields)], custom=True)
            # A flexbuffer: the map {"cycles_max": cycles}.
            graph.operators[0]["custom_options"] = (
                list(b"cycles_max\0") + [1, 12, 1, 1, 1, cycles, 4, 2, 36, 1])
        return change

    checks.refuses(r"operator 0 CIRCULAR_BUFFER 'y': runs once in 2 runs; only 1 is supported",
                   checks.model("slow_buffer", build(2)), "--plugin", plugin)
    path = checks.model("buffer", build(1))
    kept = np.full((1, 3, 1, 2), 3, np.int8)  # the real zero
    for step in range(3):
        x = np.full((1, 1, 1, 2), 10 * step - 7, np.int8)
        np.savez(os.path.join(checks.work, "fed.npz"), x=x, y=kept)
        result = checks.run("run", path, "--plugin", plugin, "--inputs", "fed.npz", "--outputs",
                            "kept.npz")
        checks.expect("a plugin's operator with memory runs", result.returncode == 0, result)
        if result.returncode != 0:
            return
        kept = np.concatenate([kept[:, 1:], x], axis=1)
        with np.load(os.path.join(checks.work, "kept.npz")) as made:
            checks.holds("and remembers what it got: %s" % dict(made),
                         len(made) == 2 and all((made[name] == kept).all() for name in made))
            kept = made["y_next"] if "y_next" in made else kept


def check_operators(checks):
    """Every operator that the README lists has a rule. A model of all of them, with operands that
    fit none, is refused, but not for that."""
    readme = os.path.join(os.path.dirname(checks.schema), "README.md")
    with open(readme, encoding="utf-8") as file:
        section = re.search(r"\n## Operators\n(.*?)\nIts custom operators", file.read(), re.S)
    names = re.findall(r"`([A-Z0-9_]+)`", section.group(1))
    checks.holds("the README lists the operators: %d" % len(names), len(names) > 100)

    def build(model):
        for i, name in enumerate(names):
            model.main.op(name, [model.main.constant(np.zeros((1,), f32))] * 4,
                          [("y%d" % i, (1,), "float32")])

    result = checks.run("compile", checks.model("operators", build), "-o", "refused.tar")
    checks.expect("all operators of the README have rules",
                  result.returncode == 4 and "not supported:" not in result.stderr, result)


def main():
    checks = Checks(*sys.argv[1:4])
    check_plugin(checks, sys.argv[4])
    check_plugin_state(checks, sys.argv[4])
    check_refusals(checks)
    check_budgets(checks)
    check_operators(checks)
    check_names(checks)
    check_states(checks)
    return 1 if checks.failures else 0


if __name__ == "__main__":
    sys.exit(main())

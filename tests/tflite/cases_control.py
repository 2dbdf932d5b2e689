"""Control flow, variables, and operators with memory."""
import numpy as np

from cases import Case

f32 = np.float32


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# --- branches and loops -------------------------------------------------------------------------

def add_branches(model, options_of_yes="MUL"):
    """Subgraphs 1 and 2: x * 3 and x + 10."""
    for name, op, options, operand in (("yes", options_of_yes, "MulOptions", 3),
                                       ("no", "ADD", "AddOptions", 10)):
        graph = model.subgraph(name)
        x = graph.input("x", (2, 3))
        graph.outputs = graph.op(op, [x, graph.constant(f32(operand))],
                                 [("y", (2, 3), "float32")], (options, {}))


def branch(constant):
    def build(model, rng):
        graph = model.main
        x = rng.standard_normal((2, 3)).astype(f32)
        condition = np.array([constant is not False])
        inputs = [x]
        if constant is None:
            index = graph.input("condition", (1,), "bool")
            inputs = [condition, x]
        else:
            index = graph.constant(condition)
        value = graph.input("x", x.shape)
        add_branches(model)
        graph.outputs = graph.op("IF", [index, value], [("y", x.shape, "float32")],
                                 ("IfOptions", {"then_subgraph_index": 1,
                                                "else_subgraph_index": 2}))
        return inputs, [x * 3 if condition[0] else x + f32(10)]
    return build


def counted_loop(model, rng):
    """for (i = 0; i < 5; ++i) x = x + i"""
    graph = model.main
    x = rng.standard_normal((2, 3)).astype(f32)
    start = graph.constant(np.int32(0))
    value = graph.input("x", x.shape)

    condition = model.subgraph("condition")
    i = condition.input("i", (), "int32")
    condition.input("x", x.shape)
    condition.outputs = condition.op("LESS", [i, condition.constant(np.int32(5))],
                                     [("again", (), "bool")], ("LessOptions", {}))
    body = model.subgraph("body")
    i, v = body.input("i", (), "int32"), body.input("x", x.shape)
    number = body.op("CAST", [i], [("number", (), "float32")],
                     ("CastOptions", {"in_data_type": "INT32", "out_data_type": "FLOAT32"}))
    moved = body.op("ADD", [v] + number, [("moved", x.shape, "float32")], ("AddOptions", {}))
    following = body.op("ADD", [i, body.constant(np.int32(1))], [("next", (), "int32")],
                        ("AddOptions", {}))
    body.outputs = following + moved
    made = graph.op("WHILE", [start, value], [("count", (), "int32"), ("y", x.shape, "float32")],
                    ("WhileOptions", {"cond_subgraph_index": 1, "body_subgraph_index": 2}))
    graph.outputs = made[1:]
    return [x], [x + f32(0 + 1 + 2 + 3 + 4)]


# --- variables ----------------------------------------------------------------------------------

def handle(graph, name):
    return graph.op("VAR_HANDLE", [], [(name + "_handle", (), "RESOURCE")],
                    ("VarHandleOptions", {"container": "", "shared_name": name}))[0]


def initialised_variable(model, rng):
    """total starts at 7 (CALL_ONCE); each run adds x. The first run shows 7 + x."""
    graph = model.main
    x = rng.standard_normal((2, 2)).astype(f32)
    begin = model.subgraph("begin")
    begin.op("ASSIGN_VARIABLE", [handle(begin, "total"),
                                 begin.constant(np.full((2, 2), 7, f32))], [],
             ("AssignVariableOptions", {}))
    graph.op("CALL_ONCE", [], [], ("CallOnceOptions", {"init_subgraph_index": 1}))
    value = graph.input("x", x.shape)
    total = handle(graph, "total")
    old = graph.op("READ_VARIABLE", [total], [("old", x.shape, "float32")],
                   ("ReadVariableOptions", {}))
    new = graph.op("ADD", old + [value], [("new", x.shape, "float32")], ("AddOptions", {}))
    graph.op("ASSIGN_VARIABLE", [total] + new, [], ("AssignVariableOptions", {}))
    graph.outputs = graph.op("NEG", new, [("y", x.shape, "float32")], ("NegOptions", {}))
    return [x], [-(x + f32(7))]


def branch_on_variable(model, rng):
    """Each branch assigns; what the variable becomes depends on a computed condition."""
    graph = model.main
    x = rng.standard_normal((2,)).astype(f32)
    condition = graph.input("condition", (), "bool")
    value = graph.input("x", x.shape)
    for name, op, options in (("yes", "ADD", "AddOptions"), ("no", "SUB", "SubOptions")):
        inner = model.subgraph(name)
        v = inner.input("v", x.shape)
        total = handle(inner, "total")
        old = inner.op("READ_VARIABLE", [total], [("old", x.shape, "float32")],
                       ("ReadVariableOptions", {}))
        new = inner.op(op, old + [v], [("new", x.shape, "float32")], (options, {}))
        inner.op("ASSIGN_VARIABLE", [total] + new, [], ("AssignVariableOptions", {}))
        inner.outputs = inner.op("NEG", [v], [("n", x.shape, "float32")], ("NegOptions", {}))
    graph.op("IF", [condition, value], [("negative", x.shape, "float32")],
             ("IfOptions", {"then_subgraph_index": 1, "else_subgraph_index": 2}))
    graph.outputs = graph.op("READ_VARIABLE", [handle(graph, "total")],
                             [("y", x.shape, "float32")], ("ReadVariableOptions", {}))
    return [np.bool_(False), x], [f32(0) - x]


def constant_variable(model, rng):
    """A variable that is only read is what it was set to."""
    graph = model.main
    x = rng.standard_normal((3,)).astype(f32)
    begin = model.subgraph("begin")
    begin.op("ASSIGN_VARIABLE", [handle(begin, "scale"), begin.constant(f32([2, 3, 4]))], [],
             ("AssignVariableOptions", {}))
    graph.op("CALL_ONCE", [], [], ("CallOnceOptions", {"init_subgraph_index": 1}))
    value = graph.input("x", x.shape)
    scale = graph.op("READ_VARIABLE", [handle(graph, "scale")], [("s", (3,), "float32")],
                     ("ReadVariableOptions", {}))
    graph.outputs = graph.op("MUL", [value] + scale, [("y", x.shape, "float32")],
                             ("MulOptions", {}))
    return [x], [x * f32([2, 3, 4])]


# --- memory -------------------------------------------------------------------------------------

def lstm(time_major, peepholes, clip):
    def build(model, rng):
        graph = model.main
        steps, batch, width, hidden = 4, 2, 3, 5
        shape = (steps, batch, width) if time_major else (batch, steps, width)
        x = rng.standard_normal(shape).astype(f32)
        w = [rng.standard_normal((hidden, width)).astype(f32) for _ in range(4)]
        r = [rng.standard_normal((hidden, hidden)).astype(f32) for _ in range(4)]
        p = [rng.standard_normal(hidden).astype(f32) for _ in range(3)]
        b = [rng.standard_normal(hidden).astype(f32) for _ in range(4)]
        inputs = [graph.input("x", shape)]
        inputs += [graph.constant(m) for m in w + r]
        inputs += [graph.constant(m) for m in p] if peepholes else [-1] * 3
        inputs += [graph.constant(m) for m in b] + [-1, -1]
        inputs += [graph.variable("h", (batch, hidden)), graph.variable("c", (batch, hidden))]
        inputs += [-1] * 4
        graph.outputs = graph.op(
            "UNIDIRECTIONAL_SEQUENCE_LSTM", inputs,
            [("y", shape[:2] + (hidden,), "float32")],
            ("UnidirectionalSequenceLSTMOptions",
             {"fused_activation_function": "TANH", "cell_clip": clip, "time_major": time_major}))

        h, c, shown = np.zeros((batch, hidden)), np.zeros((batch, hidden)), []
        seen = [np.float64(0) * m if not peepholes else m for m in p]
        for step in range(steps):
            now = x[step] if time_major else x[:, step]
            i, f, g, o = [now @ w[k].T + h @ r[k].T + b[k] for k in range(4)]
            i, f = sigmoid(i + seen[0] * c), sigmoid(f + seen[1] * c)
            c = f * c + i * np.tanh(g)
            if clip:
                c = np.clip(c, -clip, clip)
            h = sigmoid(o + seen[2] * c) * np.tanh(c)
            shown.append(h)
        return [x], [np.stack(shown, axis=0 if time_major else 1).astype(f32)]
    return build


def svdf(model, rng):
    graph = model.main
    batch, width, units, rank, memory = 2, 3, 4, 2, 5
    x = rng.standard_normal((batch, width)).astype(f32)
    feature = rng.standard_normal((units * rank, width)).astype(f32)
    time = rng.standard_normal((units * rank, memory)).astype(f32)
    bias = rng.standard_normal(units).astype(f32)
    inputs = [graph.input("x", x.shape), graph.constant(feature), graph.constant(time),
              graph.constant(bias), graph.variable("state", (batch, units * rank * memory))]
    graph.outputs = graph.op("SVDF", inputs, [("y", (batch, units), "float32")],
                             ("SVDFOptions", {"rank": rank,
                                              "fused_activation_function": "RELU"}))
    # The memory was empty: only its newest column counts.
    newest = (x @ feature.T) * time[:, -1]
    return [x], [np.maximum(newest.reshape(batch, units, rank).sum(axis=2) + bias, 0)]


# --- hybrid -------------------------------------------------------------------------------------

def away(x):
    return np.trunc(x + np.copysign(np.float32(0.5), x))


def hybrid_product(model, rng):
    graph = model.main
    x = rng.standard_normal((3, 16)).astype(f32)
    w = rng.integers(-127, 128, (4, 16)).astype(np.int8)
    b = rng.standard_normal(4).astype(f32)
    scale = f32(0.01)
    inputs = [graph.input("x", x.shape), graph.constant(w, scale=scale), graph.constant(b)]
    graph.outputs = graph.op("FULLY_CONNECTED", inputs, [("y", (3, 4), "float32")],
                             ("FullyConnectedOptions", {}))
    top = np.abs(x).max(axis=1, keepdims=True)
    stored = away(x * (f32(127) / top)).astype(np.int64)
    sums = (stored @ w.T.astype(np.int64)).astype(f32)
    return [x], [sums * (top / f32(127) * scale) + b]


def hybrid_convolution(model, rng):
    """1x1, so that the reference is a product; every channel has a scale."""
    graph = model.main
    x = (rng.standard_normal((2, 2, 3, 8)) + 0.5).astype(f32)
    w = rng.integers(-127, 128, (5, 1, 1, 8)).astype(np.int8)
    scales = (rng.uniform(1, 2, 5) / 100).astype(f32)
    inputs = [graph.input("x", x.shape), graph.constant(w, scale=scales, zero_point=[0] * 5)]
    graph.outputs = graph.op("CONV_2D", inputs + [graph.constant(np.zeros(5, f32))],
                             [("y", (2, 2, 3, 5), "float32")],
                             ("Conv2DOptions", {"padding": "SAME", "stride_h": 1, "stride_w": 1}))
    y = np.zeros((2, 2, 3, 5), f32)
    for n in range(2):
        low, high = min(0.0, float(x[n].min())), max(0.0, float(x[n].max()))
        step = (high - low) / 255
        from_low, from_high = -128 - low / step, 127 - high / step
        is_low = 128 + abs(low / step) < 127 + abs(high / step)
        zero = int(np.clip(away(from_low if is_low else from_high), -128, 127))
        stored = np.clip(away(f32(zero) + x[n] * (f32(1) / f32(step))), -128, 127)
        sums = (stored.astype(np.int64) - zero) @ w.reshape(5, 8).T.astype(np.int64)
        y[n] = sums.astype(f32) * (scales * f32(step))
    return [x], [y]


def cases():
    return [
        Case("if_true", branch(True)),
        Case("if_false", branch(False)),
        Case("if_computed", branch(None)),
        Case("while_counted", counted_loop),
        Case("variable_initialised", initialised_variable),
        Case("variable_constant", constant_variable),
        Case("variable_in_branches", branch_on_variable),
        Case("lstm", lstm(False, False, 0.0)),
        Case("lstm_time_major", lstm(True, True, 0.0)),
        Case("lstm_clipped", lstm(False, False, 0.25)),
        Case("svdf", svdf),
        Case("hybrid_product", hybrid_product),
        Case("hybrid_convolution", hybrid_convolution),
    ]

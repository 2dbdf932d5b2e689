"""Operators that compute with plain numbers: convolutions, pools, elementwise, reductions,
recurrences. References are written for clarity, in float64 where that matters."""
import numpy as np

from cases import (Case, booleans, feed, i32, integers, operator, positive, reals)

f32 = np.float32


def rounded(function):
    """A reference computed in float64 and rounded once."""
    return lambda *x: np.asarray(function(*[v if v is None else v.astype(np.float64)
                                            for v in x])).astype(f32)


def constants(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(f32) for shape in shapes]


# --- windows ------------------------------------------------------------------------------------

def padding(size, taps, stride, dilation, mode):
    """(outputs, first place of the first window) along one axis."""
    reach = (taps - 1) * dilation + 1
    if mode == "VALID":
        return (size - reach) // stride + 1, 0
    outputs = -(-size // stride)
    return outputs, max(0, (outputs - 1) * stride + reach - size) // 2


def windows(x, taps, strides, dilations, mode):
    """Yields (row, column, [(kh, kw, pixel row, pixel column)] of what lies inside)."""
    rows, top = padding(x.shape[1], taps[0], strides[0], dilations[0], mode)
    columns, left = padding(x.shape[2], taps[1], strides[1], dilations[1], mode)
    for i in range(rows):
        for j in range(columns):
            inside = []
            for kh in range(taps[0]):
                for kw in range(taps[1]):
                    r = i * strides[0] - top + kh * dilations[0]
                    c = j * strides[1] - left + kw * dilations[1]
                    if 0 <= r < x.shape[1] and 0 <= c < x.shape[2]:
                        inside.append((kh, kw, r, c))
            yield i, j, inside


def conv(x, w, b, strides, mode, dilations=(1, 1), depthwise=False):
    rows = padding(x.shape[1], w.shape[1], strides[0], dilations[0], mode)[0]
    columns = padding(x.shape[2], w.shape[2], strides[1], dilations[1], mode)[0]
    outputs = w.shape[3] if depthwise else w.shape[0]
    y = np.zeros((x.shape[0], rows, columns, outputs))
    for i, j, inside in windows(x, w.shape[1:3], strides, dilations, mode):
        for kh, kw, r, c in inside:
            if depthwise:
                multiplier = w.shape[3] // x.shape[3]
                y[:, i, j] += np.repeat(x[:, r, c], multiplier, axis=1) * w[0, kh, kw]
                continue
            group = w.shape[3]
            per_group = outputs // (x.shape[3] // group)
            for o in range(outputs):
                first = o // per_group * group
                y[:, i, j, o] += x[:, r, c, first:first + group] @ w[o, kh, kw]
    return y if b is None else y + b


def transpose_conv(shape, w, x, b, strides, mode):
    """Every pixel stamps the filter, scaled by itself, onto the result."""
    y = np.zeros(tuple(shape))
    tops = [max(0, (x.shape[d + 1] - 1) * strides[d] + w.shape[d + 1] - shape[d + 1]) // 2
            if mode == "SAME" else 0 for d in range(2)]
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            for kh in range(w.shape[1]):
                for kw in range(w.shape[2]):
                    r, c = i * strides[0] - tops[0] + kh, j * strides[1] - tops[1] + kw
                    if 0 <= r < shape[1] and 0 <= c < shape[2]:
                        y[:, r, c] += x[:, i, j] @ w[:, kh, kw].T
    return y if b is None else y + b


def pool(x, taps, strides, mode, combine):
    rows = padding(x.shape[1], taps[0], strides[0], 1, mode)[0]
    columns = padding(x.shape[2], taps[1], strides[1], 1, mode)[0]
    y = np.zeros((x.shape[0], rows, columns, x.shape[3]))
    for i, j, inside in windows(x, taps, strides, (1, 1), mode):
        y[:, i, j] = combine(np.stack([x[:, r, c] for _, _, r, c in inside]))
    return y


def window_cases():
    w, b = constants(1, (4, 3, 2, 3), (4,))
    grouped, wide = constants(2, (4, 3, 3, 2), (1, 3, 3, 6))
    transposed, tb = constants(3, (2, 3, 3, 4), (2,))

    def conv_options(mode, sh, sw, **more):
        return {"padding": mode, "stride_h": sh, "stride_w": sw, **more}

    cases = []
    for mode in ("SAME", "VALID"):
        lower = mode.lower()
        cases += [
            operator("conv_2d_" + lower, "CONV_2D", [reals(2, 7, 6, 3), w, b],
                     rounded(lambda x, w, b, m=mode: conv(x, w, b, (2, 1), m)),
                     ("Conv2DOptions", conv_options(mode, 2, 1))),
            operator("depthwise_" + lower, "DEPTHWISE_CONV_2D",
                     [reals(1, 6, 7, 3), wide, np.arange(6, dtype=f32)],
                     rounded(lambda x, w, b, m=mode: conv(x, w, b, (2, 2), m, depthwise=True)),
                     ("DepthwiseConv2DOptions",
                      conv_options(mode, 2, 2, depth_multiplier=2))),
            operator("average_pool_" + lower, "AVERAGE_POOL_2D", [reals(1, 7, 6, 2)],
                     rounded(lambda x, m=mode: pool(x, (3, 2), (2, 2), m,
                                                    lambda p: p.mean(axis=0))),
                     ("Pool2DOptions", conv_options(mode, 2, 2, filter_height=3,
                                                    filter_width=2))),
            operator("max_pool_" + lower, "MAX_POOL_2D", [reals(1, 7, 6, 2)],
                     rounded(lambda x, m=mode: np.clip(pool(x, (3, 2), (2, 3), m,
                                                            lambda p: p.max(axis=0)), 0, 6)),
                     ("Pool2DOptions", conv_options(mode, 2, 3, filter_height=3, filter_width=2,
                                                    fused_activation_function="RELU6"))),
            operator("l2_pool_" + lower, "L2_POOL_2D", [reals(1, 5, 6, 2)],
                     rounded(lambda x, m=mode: pool(x, (2, 2), (2, 2), m,
                                                    lambda p: np.sqrt((p * p).mean(axis=0)))),
                     ("Pool2DOptions", conv_options(mode, 2, 2, filter_height=2,
                                                    filter_width=2))),
            operator("transpose_conv_" + lower, "TRANSPOSE_CONV",
                     [i32(1, 7, 9, 2) if mode == "SAME" else i32(1, 9, 11, 2), transposed,
                      reals(1, 4, 5, 4), tb],
                     rounded(lambda s, w, x, b, m=mode: transpose_conv(
                         s.astype(int), w, x, b, (2, 2), m)),
                     ("TransposeConvOptions", conv_options(mode, 2, 2))),
        ]
    cases += [
        operator("conv_2d_dilated", "CONV_2D", [reals(1, 9, 8, 3), w, None],
                 rounded(lambda x, w, b: np.maximum(conv(x, w, b, (1, 1), "SAME", (2, 3)), 0)),
                 ("Conv2DOptions", conv_options("SAME", 1, 1, dilation_h_factor=2,
                                                dilation_w_factor=3,
                                                fused_activation_function="RELU"))),
        operator("conv_2d_grouped", "CONV_2D", [reals(1, 5, 5, 4), grouped, b],
                 rounded(lambda x, w, b: conv(x, w, b, (1, 1), "VALID")),
                 ("Conv2DOptions", conv_options("VALID", 1, 1))),
    ]
    return cases


# --- products, softmax --------------------------------------------------------------------------

def softmax(x, beta=1.0):
    e = np.exp(beta * (x - x.max(axis=-1, keepdims=True)))
    return e / e.sum(axis=-1, keepdims=True)


def response(x, radius, bias, alpha, beta):
    y = np.empty_like(x)
    for c in range(x.shape[-1]):
        near = x[..., max(0, c - radius):c + radius + 1]
        y[..., c] = x[..., c] * (bias + alpha * (near * near).sum(axis=-1)) ** -beta
    return y


def product_cases():
    w, b, square = constants(4, (5, 6), (5,), (5, 4))
    return [
        operator("fully_connected", "FULLY_CONNECTED", [reals(4, 2, 3), w, b],
                 rounded(lambda x, w, b: np.clip(x.reshape(4, 6) @ w.T + b, -1, 1)),
                 ("FullyConnectedOptions", {"fused_activation_function": "RELU_N1_TO_1"})),
        operator("fully_connected_keeps", "FULLY_CONNECTED", [reals(2, 3, 6), w, None],
                 rounded(lambda x, w, b: x @ w.T),
                 ("FullyConnectedOptions", {"keep_num_dims": True})),
        operator("batch_matmul", "BATCH_MATMUL", [reals(2, 3, 4), reals(1, 4, 5)],
                 rounded(lambda a, b: a @ b), ("BatchMatMulOptions", {})),
        operator("batch_matmul_adjoint", "BATCH_MATMUL", [reals(2, 4, 3), square],
                 rounded(lambda a, b: np.swapaxes(a, 1, 2) @ b.T),
                 ("BatchMatMulOptions", {"adj_x": True, "adj_y": True})),
        operator("softmax", "SOFTMAX", [reals(3, 7)], rounded(lambda x: softmax(x, 0.5)),
                 ("SoftmaxOptions", {"beta": 0.5})),
        operator("log_softmax", "LOG_SOFTMAX", [reals(2, 5)],
                 rounded(lambda x: np.log(softmax(x))), ("LogSoftmaxOptions", {})),
        operator("l2_normalization", "L2_NORMALIZATION", [reals(2, 3, 4)],
                 rounded(lambda x: x / np.sqrt((x * x).sum(axis=-1, keepdims=True))),
                 ("L2NormOptions", {})),
        operator("local_response_normalization", "LOCAL_RESPONSE_NORMALIZATION",
                 [reals(1, 2, 2, 7)], rounded(lambda x: response(x, 2, 0.5, 0.3, 0.75)),
                 ("LocalResponseNormalizationOptions",
                  {"radius": 2, "bias": 0.5, "alpha": 0.3, "beta": 0.75})),
    ]


# --- elementwise --------------------------------------------------------------------------------

def erf_gelu(x):
    from math import erf
    return 0.5 * x * (1 + np.vectorize(erf)(x / np.sqrt(2)))


def elementwise_cases():
    unary = {
        "ABS": np.abs, "CEIL": np.ceil, "COS": np.cos, "EXP": np.exp, "FLOOR": np.floor,
        "NEG": np.negative, "SIN": np.sin, "TANH": np.tanh, "SIGN": np.sign,
        "LOGISTIC": lambda x: 1 / (1 + np.exp(-x)),
        "RELU": lambda x: np.maximum(x, 0), "RELU6": lambda x: np.clip(x, 0, 6),
        "RELU_N1_TO_1": lambda x: np.clip(x, -1, 1), "RELU_0_TO_1": lambda x: np.clip(x, 0, 1),
        "ELU": lambda x: np.where(x < 0, np.exp(x) - 1, x),
        "HARD_SWISH": lambda x: x * np.clip(x + 3, 0, 6) / 6,
        "SQUARE": lambda x: x * x,
    }
    cases = [operator(name.lower(), name, [reals(3, 5)], rounded(f)) for name, f in unary.items()]
    for name, f in {"LOG": np.log, "SQRT": np.sqrt, "RSQRT": lambda x: 1 / np.sqrt(x)}.items():
        cases.append(operator(name.lower(), name, [positive(4, 3)], rounded(f)))
    binary = {
        "ADD": (np.add, "AddOptions"), "SUB": (np.subtract, "SubOptions"),
        "MUL": (np.multiply, "MulOptions"), "DIV": (np.divide, "DivOptions"),
        "MAXIMUM": (np.maximum, "MaximumMinimumOptions"),
        "MINIMUM": (np.minimum, "MaximumMinimumOptions"),
        "SQUARED_DIFFERENCE": (lambda a, b: (a - b) ** 2, "SquaredDifferenceOptions"),
    }
    for name, (f, options) in binary.items():
        cases.append(operator(name.lower(), name, [reals(2, 3, 4), reals(3, 1)], rounded(f),
                              (options, {})))
    compare = {"EQUAL": np.equal, "NOT_EQUAL": np.not_equal, "LESS": np.less,
               "LESS_EQUAL": np.less_equal, "GREATER": np.greater,
               "GREATER_EQUAL": np.greater_equal}
    for name, f in compare.items():
        cases.append(operator(name.lower(), name,
                              [integers(0, 3, (4, 5)), integers(0, 3, (1, 5))], f))
    logic = {"LOGICAL_AND": np.logical_and, "LOGICAL_OR": np.logical_or}
    for name, f in logic.items():
        cases.append(operator(name.lower(), name, [booleans(4, 3), booleans(4, 3)], f))
    one = f32(1)
    cases += [
        operator("logical_not", "LOGICAL_NOT", [booleans(7)], np.logical_not),
        operator("add_activation", "ADD", [reals(3, 4), np.full((4,), one)],
                 rounded(lambda a, b: np.maximum(a + b, 0)),
                 ("AddOptions", {"fused_activation_function": "RELU"})),
        operator("add_integers", "ADD", [integers(-9, 9, (5,)), i32(1, 2, 3, 4, 5)],
                 lambda a, b: a + b, ("AddOptions", {})),
        operator("add_n", "ADD_N", [reals(2, 3), reals(2, 3), reals(2, 3)],
                 rounded(lambda a, b, c: a + b + c), ("AddNOptions", {})),
        operator("pow", "POW", [positive(3, 4), reals(4)], rounded(np.power), ("PowOptions", {})),
        operator("prelu", "PRELU", [reals(1, 2, 3, 4), constants(9, (1, 1, 4))[0]],
                 rounded(lambda x, a: np.where(x < 0, a * x, x))),
        operator("leaky_relu", "LEAKY_RELU", [reals(9)],
                 rounded(lambda x: np.where(x < 0, x * f32(0.3), x)),
                 ("LeakyReluOptions", {"alpha": 0.3})),
        operator("gelu", "GELU", [reals(9)], rounded(erf_gelu), ("GeluOptions", {})),
        operator("gelu_tanh", "GELU", [reals(9)],
                 rounded(lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) *
                                                          (x + 0.044715 * x ** 3)))),
                 ("GeluOptions", {"approximate": True})),
        operator("round", "ROUND", [feed(np.array([-2.5, -1.5, -0.4, 0.5, 1.5, 2.5, 2.6], f32))],
                 rounded(np.round)),
        operator("floor_div", "FLOOR_DIV",
                 [feed(np.array([7, -7, 7, -7.5], f32)), feed(np.array([2, 2, -2, -2], f32))],
                 rounded(np.floor_divide), ("FloorDivOptions", {})),
        operator("floor_div_integers", "FLOOR_DIV",
                 [feed(i32(7, -7, 7, -7, 6)), feed(i32(2, 2, -2, -2, 3))],
                 lambda a, b: a // b, ("FloorDivOptions", {})),
        operator("floor_mod", "FLOOR_MOD",
                 [feed(np.array([7, -7, 7, -7.5], f32)), feed(np.array([2, 2, -2, -2], f32))],
                 rounded(np.mod), ("FloorModOptions", {})),
        operator("floor_mod_integers", "FLOOR_MOD",
                 [feed(i32(7, -7, 7, -7, 6)), feed(i32(2, 2, -2, -2, 3))],
                 lambda a, b: a % b, ("FloorModOptions", {})),
        operator("select", "SELECT", [booleans(3), reals(3, 4), reals(3, 4)],
                 lambda c, a, b: np.where(c[:, None], a, b), ("SelectOptions", {})),
        operator("select_v2", "SELECT_V2", [booleans(3, 1), reals(3, 4), reals(4)],
                 np.where, ("SelectV2Options", {})),
        operator("bitwise_xor", "BITWISE_XOR", [integers(-99, 99, (5,)), integers(0, 99, (5,))],
                 lambda a, b: a ^ b),
    ]
    return cases


# --- reductions ---------------------------------------------------------------------------------

def reduce_cases():
    functions = {"MEAN": np.mean, "SUM": np.sum, "REDUCE_PROD": np.prod, "REDUCE_MAX": np.max,
                 "REDUCE_MIN": np.min}
    cases = []
    for name, f in functions.items():
        for keep in (False, True):
            cases.append(operator(
                name.lower() + ("_keeps" if keep else ""), name, [reals(2, 3, 4, 2), i32(1, -1)],
                lambda x, axes, f=f, keep=keep: f(x.astype(np.float64), axis=(1, 3),
                                                  keepdims=keep).astype(f32),
                ("ReducerOptions", {"keep_dims": keep})))
    return cases + [
        operator("reduce_all", "REDUCE_ALL", [booleans(3, 2), i32(1)],
                 lambda x, axes: x.all(axis=1), ("ReducerOptions", {})),
        operator("reduce_any", "REDUCE_ANY", [booleans(3, 2), i32(1)],
                 lambda x, axes: x.any(axis=1), ("ReducerOptions", {})),
        operator("arg_max", "ARG_MAX", [reals(3, 5), i32(1)],
                 lambda x, axis: x.argmax(axis=1).astype(np.int32),
                 ("ArgMaxOptions", {"output_type": "INT32"})),
        operator("arg_min", "ARG_MIN", [reals(3, 5), np.int32(0)],
                 lambda x, axis: x.argmin(axis=0).astype(np.int64),
                 ("ArgMinOptions", {"output_type": "INT64"})),
        operator("cumsum", "CUMSUM", [reals(3, 5), np.int32(1)],
                 rounded(lambda x, axis: np.cumsum(x, axis=1)), ("CumsumOptions", {})),
        operator("cumsum_backwards", "CUMSUM", [reals(3, 5), np.int32(1)],
                 rounded(lambda x, axis: np.cumsum(x[:, ::-1], axis=1)[:, ::-1] - x),
                 ("CumsumOptions", {"exclusive": True, "reverse": True})),
        operator("top_k", "TOPK_V2", [reals(3, 7), np.int32(2)],
                 lambda x, k: (-np.sort(-x, axis=1)[:, :2],
                               np.argsort(-x, axis=1)[:, :2].astype(np.int32)),
                 ("TopKV2Options", {})),
    ]


# --- conversions --------------------------------------------------------------------------------

def conversion_cases():
    def dequantize(model, rng):
        graph = model.main
        x = rng.integers(-128, 128, (3, 4)).astype(np.int8)
        graph.input("x", x.shape, "int8", scale=0.25, zero_point=-3)
        graph.outputs = graph.op("DEQUANTIZE", [0], [("y", x.shape, "float32")])
        return [x], [((x.astype(np.float64) + 3) * 0.25).astype(f32)]

    def half(model, rng):
        graph = model.main
        x = rng.standard_normal((2, 3)).astype(f32)
        w = rng.standard_normal((2, 3)).astype(np.float16)
        graph.input("x", x.shape)
        stored = graph.constant(w)
        wide = graph.op("DEQUANTIZE", [stored], [("w", w.shape, "float32")])
        graph.outputs = graph.op("MUL", [0] + wide, [("y", x.shape, "float32")],
                                 ("MulOptions", {}))
        return [x], [x * w.astype(f32)]

    return [
        operator("cast_to_integers", "CAST",
                 [feed(np.array([-2.7, -0.2, 0.9, 3.5], f32))], lambda x: x.astype(np.int32),
                 ("CastOptions", {"in_data_type": "FLOAT32", "out_data_type": "INT32"})),
        operator("cast_to_booleans", "CAST", [feed(i32(0, 1, -5))], lambda x: x != 0,
                 ("CastOptions", {"in_data_type": "INT32", "out_data_type": "BOOL"})),
        operator("cast_from_booleans", "CAST", [booleans(5)], lambda x: x.astype(f32),
                 ("CastOptions", {"in_data_type": "BOOL", "out_data_type": "FLOAT32"})),
        Case("dequantize", dequantize),
        Case("dequantize_half", half),
    ]


def cases():
    return (window_cases() + product_cases() + elementwise_cases() + reduce_cases() +
            conversion_cases())

"""Quantised operators: what they compute, bit for bit, by fixed_point.py."""
import math
from dataclasses import dataclass

import numpy as np

import fixed_point as fp
from cases import Case
from cases_reals import padding, windows
from fixed_point import Scale, clamp, distance, each, f32, limits, stored


@dataclass
class Q:
    """A quantised tensor: an operand to be drawn, or (with data) a constant."""
    shape: tuple = ()
    scale: object = 0.05
    zero: int = 0
    dtype: str = "int8"
    data: object = None
    axis: int = 0
    is_constant: bool = False


def q8(*shape, scale=0.05, zero=0, **fields):
    return Q(shape, f32(scale), zero, **fields)


def q16(*shape, scale=0.001, **fields):
    return Q(shape, f32(scale), 0, "int16", **fields)


def drawn(operand, rng):
    if operand.data is not None:
        return np.asarray(operand.data).astype(operand.dtype)
    low, high = limits(operand.dtype)
    # Extremes are what saturates, so they come more often than chance would have it.
    value = rng.integers(low, high + 1, operand.shape)
    extremes = rng.random(operand.shape) < 0.1
    value = np.where(extremes, rng.choice([low, high], operand.shape), value)
    return value.astype(operand.dtype)


def quantized(name, op, operands, results, reference, options=None):
    """operands: Q (inputs, or constants with data or is_constant), arrays (plain constants) or
    None; reference: values to elements of the results."""
    results = results if isinstance(results, list) else [results]

    def build(model, rng):
        graph = model.main
        indices, values, inputs = [], [], []
        for i, operand in enumerate(operands):
            if operand is None:
                indices.append(-1)
                values.append(None)
                continue
            if not isinstance(operand, Q):
                indices.append(graph.constant(operand))
                values.append(operand)
                continue
            value = drawn(operand, rng)
            scales = np.atleast_1d(operand.scale)
            fields = dict(scale=scales, zero_point=[operand.zero] * len(scales), axis=operand.axis)
            if operand.is_constant or operand.data is not None:
                indices.append(graph.constant(value, **fields))
            else:
                indices.append(graph.input("x%d" % i, value.shape, value.dtype.name, **fields))
                inputs.append(value)
            values.append(value)
        outputs = reference(*values)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        made = []
        for i, (value, result) in enumerate(zip(outputs, results)):
            fields = {}
            if result is not None:
                fields = dict(scale=result.scale, zero_point=result.zero)
            made.append(("y%d" % i, value.shape, value.dtype.name, fields))
        graph.outputs = graph.op(op, indices, made, options)
        return inputs, outputs

    return Case("integer_" + name, build)


def real(scale):
    return float(f32(scale))


# --- arithmetic ---------------------------------------------------------------------------------

def sums(a, b, y, sign=1, left=20):
    twice = 2 * max(real(a.scale), real(b.scale))
    of_a, of_b = Scale(real(a.scale) / twice), Scale(real(b.scale) / twice)
    of_y = Scale(twice / ((1 << left) * real(y.scale)))

    def reference(p, q):
        def one(u, v):
            u, v = of_a.of((u - a.zero) << left), of_b.of((v - b.zero) << left)
            return of_y.of(u + sign * v)
        return stored(each(one, p, q), y)
    return reference


def shifted_sums(a_bits, b_bits, y, sign=1):
    return lambda p, q: stored(
        each(lambda u, v: fp.halve(u, a_bits) + sign * fp.halve(v, b_bits), p, q), y)


def products(a, b, y, low=None):
    scale = Scale(float(f32(a.scale) * f32(b.scale) / f32(y.scale)))
    return lambda p, q: stored(
        each(lambda u, v: scale.of((u - a.zero) * (v - b.zero)), p, q), y, low)


def squared_differences(a, b, y):
    twice = 2 * max(real(a.scale), real(b.scale))
    of_a, of_b = Scale(real(a.scale) / twice), Scale(real(b.scale) / twice)
    of_y = Scale(twice * twice / ((1 << 14) * real(y.scale)))

    def one(u, v):
        difference = of_a.of((u - a.zero) << 7) - of_b.of((v - b.zero) << 7)
        return of_y.of(difference * difference)
    return lambda p, q: stored(each(one, p, q), y)


def quotients(a, b, y):
    scale = Scale(real(a.scale) / (real(b.scale) * real(y.scale)))

    def one(u, v):
        u, v = u - a.zero, v - b.zero
        if v < 0:
            u, v = -u, -v
        zeros = fp.zeros_above(v)
        inverse = fp.inverse_of_one_plus((v << zeros) - fp.INT32)
        headroom = fp.zeros_above(u) - 1 if u >= 0 else fp.zeros_above(2 * -u - 1)
        result = Scale(1.0)
        result.multiplier = scale.multiplier
        result.shift = scale.shift - (31 - zeros) - headroom
        return result.of(fp.product(u << headroom, inverse))
    return lambda p, q: stored(each(one, p, q), y)


def compared(a, b, test):
    of_a, of_b = Scale(real(a.scale)), Scale(real(b.scale))

    def one(u, v):
        return test(of_a.of((u - a.zero) << 8), of_b.of((v - b.zero) << 8))
    return lambda p, q: each(one, p, q).astype(bool)


def sums_of_all(x, y):
    half, out = Scale(0.5), Scale(2 * real(x.scale) / ((1 << 20) * real(y.scale)))
    start = half.of(-x.zero << 20)

    def one(*values):
        return out.of(start + sum(half.of((v - x.zero) << 20) for v in values))
    return half, out, start, lambda *values: stored(each(one, *values), y)


def cumulative(x, y, exclusive, reverse):
    half, out, start, _ = sums_of_all(x, y)

    def reference(values, axis):
        result = np.zeros(values.shape, object)
        for row in range(values.shape[0]):
            total = start
            columns = range(values.shape[1])
            for column in reversed(columns) if reverse else columns:
                term = half.of((int(values[row, column]) - x.zero) << 20)
                result[row, column] = out.of(total if exclusive else total + term)
                total += term
        return stored(result, y)
    return reference


def arithmetic():
    a, b = q8(2, 3, 4, scale=0.031, zero=-7), q8(3, 4, scale=0.11, zero=21)
    y = q8(scale=0.137, zero=3)
    wide_a, wide_b, wide_y = q16(50, scale=7e-4), q16(50, scale=1.3e-3), q16(scale=1.7e-3)
    pot_a, pot_b = q16(50, scale=2.0 ** -12), q16(50, scale=2.0 ** -10)
    pot_y = q16(scale=2.0 ** -10)
    nonzero = q8(scale=0.11, zero=21, data=[[-128, 127, 20, 22], [1, 2, 3, 4], [90, 91, 0, -1]])
    small = q8(scale=0.01, zero=-5)
    # RELU6 of the result: the integers that stand for 0 and 6.
    relu6 = (3, 3 + int(math.floor(6 / float(f32(0.137)) + 0.5)))
    plain_sum = sums(a, b, y)
    add = lambda **more: ("AddOptions", more)  # noqa: E731
    return [
        quantized("add", "ADD", [a, b], y, plain_sum),
        quantized("add_relu6", "ADD", [a, b], y,
                  lambda p, q: np.clip(plain_sum(p, q), *relu6).astype(np.int8),
                  add(fused_activation_function="RELU6")),
        quantized("add_16", "ADD", [wide_a, wide_b], wide_y, sums(wide_a, wide_b, wide_y, left=15),
                  add(pot_scale_int16=False)),
        quantized("add_16_powers_of_two", "ADD", [pot_a, pot_b], pot_y, shifted_sums(2, 0, pot_y)),
        quantized("sub", "SUB", [a, b], y, sums(a, b, y, -1)),
        quantized("sub_16", "SUB", [wide_a, wide_b], wide_y,
                  sums(wide_a, wide_b, wide_y, -1, 15), ("SubOptions", {"pot_scale_int16": False})),
        quantized("mul", "MUL", [a, b], y, products(a, b, y)),
        quantized("mul_relu_16", "MUL", [wide_a, wide_b], wide_y,
                  products(wide_a, wide_b, wide_y, 0),
                  ("MulOptions", {"fused_activation_function": "RELU"})),
        quantized("squared_difference", "SQUARED_DIFFERENCE", [a, b], y,
                  squared_differences(a, b, y)),
        quantized("div", "DIV", [a, nonzero], y, quotients(a, nonzero, y)),
        quantized("maximum", "MAXIMUM", [a, q8(3, 4, scale=0.031, zero=-7)],
                  q8(scale=0.031, zero=-7), np.maximum),
        quantized("less", "LESS", [a, b], None, compared(a, b, lambda u, v: u < v)),
        quantized("not_equal", "NOT_EQUAL", [a, q8(4, scale=0.062, zero=-7)], None,
                  compared(a, q8(scale=0.062, zero=-7), lambda u, v: u != v)),
        quantized("add_n", "ADD_N", [small] and [q8(9, scale=0.01, zero=-5)] * 3, y,
                  sums_of_all(small, y)[3]),
        quantized("cumsum", "CUMSUM", [q8(3, 7, scale=0.01, zero=-5), np.array([1], np.int32)], y,
                  cumulative(small, y, False, False), ("CumsumOptions", {})),
        quantized("cumsum_exclusive_reverse", "CUMSUM",
                  [q8(3, 7, scale=0.01, zero=-5), np.array([-1], np.int32)], y,
                  cumulative(small, y, True, True),
                  ("CumsumOptions", {"exclusive": True, "reverse": True})),
    ]


# --- sums of products ---------------------------------------------------------------------------

def channel_scales(x, w, y):
    return [Scale(real(x.scale) * real(s) / real(y.scale)) for s in np.atleast_1d(w.scale)]


def requantized(sums_, scales, y, wide=False):
    """Sums with channels last, one scale for each or for all."""
    result = np.zeros(sums_.shape, object)
    for index in np.ndindex(sums_.shape):
        scale = scales[index[-1] if len(scales) > 1 else 0]
        value = int(sums_[index])
        result[index] = scale.of_wide(value) if wide else scale.of(value)
    return stored(result, y)


def convolution(x, w, y, strides, mode, depthwise=False, dilations=(1, 1)):
    def reference(image, filters, bias):
        image = distance(image, x)
        rows = padding(image.shape[1], filters.shape[1], strides[0], dilations[0], mode)[0]
        columns = padding(image.shape[2], filters.shape[2], strides[1], dilations[1], mode)[0]
        outputs = filters.shape[3] if depthwise else filters.shape[0]
        total = np.zeros((image.shape[0], rows, columns, outputs), object)
        for i, j, inside in windows(image, filters.shape[1:3], strides, dilations, mode):
            for kh, kw, r, c in inside:
                for o in range(outputs):
                    if depthwise:
                        channel = o // (outputs // image.shape[3])
                        total[:, i, j, o] += image[:, r, c, channel] * int(filters[0, kh, kw, o])
                    else:
                        total[:, i, j, o] += image[:, r, c].dot(filters[o, kh, kw].astype(object))
        if bias is not None:
            total += bias.astype(object)
        return requantized(total, channel_scales(x, w, y), y, x.dtype == "int16")
    return reference


def transposed_convolution(x, w, y, strides, mode):
    def reference(shape, filters, image, bias):
        image = distance(image, x)
        total = np.zeros(tuple(shape), object)
        tops = []
        for d in range(2):
            outputs = -(-shape[d + 1] // strides[d])
            extra = (outputs - 1) * strides[d] + filters.shape[d + 1] - shape[d + 1]
            tops.append(max(0, extra) // 2 if mode == "SAME" else 0)
        for i in range(image.shape[1]):
            for j in range(image.shape[2]):
                for kh in range(filters.shape[1]):
                    for kw in range(filters.shape[2]):
                        r, c = i * strides[0] - tops[0] + kh, j * strides[1] - tops[1] + kw
                        if 0 <= r < shape[1] and 0 <= c < shape[2]:
                            stamp = filters[:, kh, kw].astype(object)
                            total[:, r, c] += image[:, i, j].dot(stamp.T)
        total += bias.astype(object)
        return requantized(total, channel_scales(x, w, y), y, x.dtype == "int16")
    return reference


def matrix_product(x, w, y, transposed=True):
    scale = Scale(float(f32(x.scale) * f32(w.scale)) / real(y.scale))

    def reference(a, b, bias=None):
        b = distance(b, w)
        total = np.matmul(distance(a, x), np.swapaxes(b, -1, -2) if transposed else b)
        if bias is not None:
            total = total + bias.astype(object)
        return requantized(total, [scale], y, x.dtype == "int16")
    return reference


def products_of_sums():
    rng = np.random.default_rng(1)
    scales = rng.uniform(0.001, 0.02, 6).astype(f32)
    x, y = q8(2, 5, 6, 3, scale=0.04, zero=-11), q8(scale=0.09, zero=17)
    w = Q((6, 3, 2, 3), scales, 0, is_constant=True)
    bias = rng.integers(-5000, 5000, 6).astype(np.int32)
    wide_x, wide_y = q16(1, 5, 6, 3, scale=1e-3), q16(scale=3e-3)
    wide_bias = rng.integers(-500000, 500000, 6).astype(np.int64)
    depth = Q((1, 3, 3, 6), scales, 0, is_constant=True, axis=3)
    conv = lambda mode, h, v, **more: (  # noqa: E731
        "Conv2DOptions", {"padding": mode, "stride_h": h, "stride_w": v, **more})
    shape = np.array([1, 10, 11, 6], np.int32)
    spread = Q((6, 3, 4, 3), scales, 0, is_constant=True)
    image = q8(1, 5, 6, 3, scale=0.04, zero=-11)
    options = ("TransposeConvOptions", {"padding": "SAME", "stride_h": 2, "stride_w": 2})
    dense_x, dense_w = q8(3, 8, scale=0.05, zero=4), q8(5, 8, scale=0.013, is_constant=True)
    dense_bias = rng.integers(-900, 900, 5).astype(np.int32)
    wide_dense = q16(3, 8, scale=0.002)
    left, right = q8(2, 3, 4, scale=0.02, zero=1), q8(2, 4, 5, scale=0.03, zero=-2)
    return [
        quantized("conv_2d", "CONV_2D", [x, w, bias], y,
                  convolution(x, w, y, (1, 2), "SAME"), conv("SAME", 1, 2)),
        quantized("conv_2d_dilated", "CONV_2D", [x, w, bias], y,
                  convolution(x, w, y, (1, 1), "VALID", dilations=(2, 1)),
                  conv("VALID", 1, 1, dilation_h_factor=2)),
        quantized("conv_2d_16", "CONV_2D", [wide_x, w, wide_bias], wide_y,
                  convolution(wide_x, w, wide_y, (2, 1), "SAME"), conv("SAME", 2, 1)),
        quantized("depthwise", "DEPTHWISE_CONV_2D", [x, depth, bias], y,
                  convolution(x, depth, y, (2, 2), "SAME", True),
                  ("DepthwiseConv2DOptions", {"padding": "SAME", "stride_h": 2, "stride_w": 2,
                                              "depth_multiplier": 2})),
        quantized("transpose_conv", "TRANSPOSE_CONV", [shape, spread, image, bias], y,
                  transposed_convolution(image, spread, y, (2, 2), "SAME"), options),
        quantized("transpose_conv_16", "TRANSPOSE_CONV", [shape, spread, wide_x, wide_bias],
                  wide_y, transposed_convolution(wide_x, spread, wide_y, (2, 2), "SAME"), options),
        quantized("fully_connected", "FULLY_CONNECTED", [dense_x, dense_w, dense_bias], y,
                  matrix_product(dense_x, dense_w, y), ("FullyConnectedOptions", {})),
        quantized("fully_connected_16", "FULLY_CONNECTED",
                  [wide_dense, dense_w, dense_bias.astype(np.int64)], wide_y,
                  matrix_product(wide_dense, dense_w, wide_y), ("FullyConnectedOptions", {})),
        quantized("fully_connected_no_bias", "FULLY_CONNECTED", [dense_x, dense_w, None], y,
                  matrix_product(dense_x, dense_w, y), ("FullyConnectedOptions", {})),
        quantized("batch_matmul", "BATCH_MATMUL", [left, right], y,
                  matrix_product(left, right, y, False), ("BatchMatMulOptions", {})),
    ]


# --- pools and reductions -----------------------------------------------------------------------

def pooled(low, average):
    def reference(x):
        rows = padding(x.shape[1], 3, 2, 1, "SAME")[0]
        columns = padding(x.shape[2], 2, 1, 1, "SAME")[0]
        y = np.zeros((x.shape[0], rows, columns, x.shape[3]), object)
        for i, j, inside in windows(x, (3, 2), (2, 1), (1, 1), "SAME"):
            for n in range(x.shape[0]):
                for c in range(x.shape[3]):
                    values = [int(x[n, r, s, c]) for _, _, r, s in inside]
                    y[n, i, j, c] = (fp.nearest_away(sum(values), len(values)) if average
                                     else max(values))
        return each(lambda v: max(v, low), y).astype(x.dtype)
    return reference


def reduced(x, y, axis, mean):
    scale = Scale(real(x.scale) / real(y.scale))

    def reference(values, axes):
        total = distance(values, x).sum(axis=axis, keepdims=True)
        count = values.size // total.size
        used = Scale(1.0)
        used.multiplier, used.shift = scale.multiplier, scale.shift
        if mean:
            bits = min(count.bit_length() - 1, 32, 31 + scale.shift)
            used.multiplier = (scale.multiplier << bits) // count
            used.shift -= bits
        return stored(each(used.of, total), y)
    return reference


def pools():
    x, y = q8(2, 5, 6, 3, scale=0.04, zero=-11), q8(scale=0.021, zero=30)
    same = q8(scale=0.04, zero=-11)
    options = ("Pool2DOptions", {"padding": "SAME", "stride_h": 2, "stride_w": 1,
                                 "filter_height": 3, "filter_width": 2,
                                 "fused_activation_function": "RELU"})
    keep = ("ReducerOptions", {"keep_dims": True})
    axes = np.array([1, 2], np.int32)
    wide, wide_y = q16(2, 9, scale=1e-3), q16(scale=2e-3)
    return [
        quantized("average_pool", "AVERAGE_POOL_2D", [x], same, pooled(-11, True), options),
        quantized("max_pool", "MAX_POOL_2D", [x], same, pooled(-11, False), options),
        quantized("mean", "MEAN", [x, axes], y, reduced(x, y, (1, 2), True), keep),
        quantized("sum", "SUM", [x, axes], y, reduced(x, y, (1, 2), False), keep),
        quantized("mean_16", "MEAN", [wide, np.array([1], np.int32)], wide_y,
                  reduced(wide, wide_y, (1,), True), keep),
    ]


# --- functions of one tensor --------------------------------------------------------------------

def by_table(table):
    return lambda x: each(lambda v: table[v], x).astype(np.int8)


def rectified(x, y, low, high):
    scale = Scale(float(f32(x.scale) / f32(y.scale)))
    place = lambda r: y.zero + int(math.floor(r / real(y.scale) + 0.5))  # noqa: E731
    return lambda v: stored(each(scale.of, distance(v, x)), y, place(low),
                            None if high is None else place(high))


def leaky(x, y, alpha):
    above = Scale(float(f32(x.scale) / f32(y.scale)))
    below = Scale(float(f32(x.scale) * f32(alpha) / f32(y.scale)))
    one = lambda v: above.of(v) if v >= 0 else below.of(v)  # noqa: E731
    return lambda v: stored(each(one, distance(v, x)), y)


def sloped(x, slope, y):
    above = Scale(real(x.scale) / real(y.scale))
    below = Scale(real(x.scale) * real(slope.scale) / real(y.scale))

    def one(v, s):
        v, s = v - x.zero, s - slope.zero
        return above.of(v) if v >= 0 else below.of(v * s)
    return lambda v, s: stored(each(one, v, s), y)


def hard_swished(x, y):
    narrow = lambda s: min(fp.nearest_up(s.multiplier, 1 << 16), 32767)  # noqa: E731
    limit = lambda v: clamp(v, -32768, 32767)  # noqa: E731
    fine = f32(1 / 128) * f32(x.scale)
    out, gate = Scale(float(fine / f32(y.scale))), Scale(float(fine / f32(3 / 32768)))

    def one(v):
        v = (v - x.zero) * 128
        shown = limit(fp.nearest_up(v * narrow(out), 1 << 15))
        factor = v
        if gate.shift > 0:
            factor = limit(factor << (gate.shift - 1))
        factor = limit(fp.nearest_up(factor * narrow(gate), 1 << 15))
        if gate.shift > 0:
            factor = limit(factor * 2)
        if gate.shift < 0:
            factor = fp.halve(factor, -gate.shift)
        factor = (factor + (1 << 15)) >> 1
        whole = abs(factor * shown) >> 15
        return fp.halve(whole if factor * shown >= 0 else -whole, -out.shift)
    return lambda v: stored(each(one, v), y)


def squashes(x, is_tanh):
    factor, shift = fp.wide_factor(x.scale, (0, 1) if is_tanh else (0,))
    return lambda v: each(lambda u: fp.squashed(u, factor, shift, is_tanh), v).astype(np.int16)


def by_rows(function, dtype):
    def reference(x):
        flat = x.reshape(-1, x.shape[-1])
        rows = [function([int(v) for v in row]) for row in flat]
        return np.array(rows, dtype).reshape(x.shape)
    return reference


def normalized(x):
    def row(values):
        values = [v - x.zero for v in values]
        scale = Scale(1.0)
        scale.multiplier, scale.shift = fp.inverse_sqrt(sum(v * v for v in values))
        scale.shift += 7
        return [clamp(scale.of(v), -128, 127) for v in values]
    return row


def absolute(x, y):
    scale = Scale(float(f32(x.scale) / f32(y.scale)))
    return lambda v: stored(each(lambda u: scale.of(abs(u)), distance(v, x)), y)


def inverse_roots(x, y):
    scale = Scale(1.0 / float(np.sqrt(f32(x.scale)) * f32(y.scale)))
    scale.shift -= 20

    def one(v):
        if v == 0:
            return 1 << 30
        root = Scale(1.0)
        root.multiplier, root.shift = fp.inverse_sqrt(v)
        root.shift += 20
        return scale.of(root.of(1))
    return lambda v: stored(each(one, distance(v, x)), y)


def functions():
    x, y = q8(4, 64, scale=0.047, zero=-9), q8(scale=0.031, zero=5)
    wide, wide_y = q16(300, scale=1.1e-3), q16(scale=0.9e-3)
    slope = q8(64, scale=0.007, zero=2)
    squashed = q8(scale=1 / 256, zero=-128)
    symmetric = q8(scale=1 / 128, zero=0)
    word = q16(scale=1 / 32768)
    exact = q16(300, scale=2.0 ** -12)
    rows = q8(3, 11, scale=0.13, zero=4)
    near, far = fp.differences(rows.scale, 1.0), fp.differences(f32(0.002), 0.7)
    logistic = lambda v: f32(1) / (f32(1) + np.exp(-v))  # noqa: E731
    elu = lambda v: v if v >= 0 else np.expm1(v)  # noqa: E731
    low = q8(3, 11, scale=0.002, zero=4)
    wide_rows = q16(3, 11, scale=3e-4)
    positive = q8(scale=0.02, zero=-128, data=np.arange(-128, 128))
    return [
        quantized("relu", "RELU", [x], y, rectified(x, y, 0, None)),
        quantized("relu6", "RELU6", [x], y, rectified(x, y, 0, 6)),
        quantized("relu_n1_to_1", "RELU_N1_TO_1", [x], y, rectified(x, y, -1, 1)),
        quantized("leaky_relu", "LEAKY_RELU", [x], y, leaky(x, y, 0.3),
                  ("LeakyReluOptions", {"alpha": 0.3})),
        quantized("leaky_relu_16", "LEAKY_RELU", [wide], wide_y, leaky(wide, wide_y, 0.1),
                  ("LeakyReluOptions", {"alpha": 0.1})),
        quantized("prelu", "PRELU", [x, slope], y, sloped(x, slope, y)),
        quantized("hard_swish", "HARD_SWISH", [x], y, hard_swished(x, y)),
        quantized("hard_swish_coarse", "HARD_SWISH", [q8(300, scale=0.4, zero=3)],
                  q8(scale=0.3, zero=-100),
                  hard_swished(q8(scale=0.4, zero=3), q8(scale=0.3, zero=-100))),
        quantized("logistic", "LOGISTIC", [x], squashed,
                  by_table(fp.float_table(logistic, x, squashed))),
        quantized("tanh", "TANH", [x], symmetric, by_table(fp.float_table(np.tanh, x, symmetric))),
        quantized("elu", "ELU", [x], y, by_table(fp.float_table(elu, x, y))),
        quantized("logistic_16", "LOGISTIC", [wide], word, squashes(wide, False)),
        quantized("logistic_16_exact", "LOGISTIC", [exact], word, squashes(exact, False)),
        quantized("tanh_16", "TANH", [wide], word, squashes(wide, True)),
        quantized("tanh_16_exact", "TANH", [exact], word, squashes(exact, True)),
        quantized("softmax", "SOFTMAX", [rows], squashed,
                  by_rows(lambda r: fp.softmax_row(r, *near, -128, 8), np.int8),
                  ("SoftmaxOptions", {"beta": 1.0})),
        quantized("softmax_to_16", "SOFTMAX", [low], Q((), f32(1 / 65536), -32768, "int16"),
                  by_rows(lambda r: fp.softmax_row(r, *fp.differences(
                      f32(0.002), float(f32(0.7))), -32768, 16), np.int16),
                  ("SoftmaxOptions", {"beta": 0.7})),
        quantized("softmax_16", "SOFTMAX", [wide_rows], word,
                  by_rows(lambda r: fp.wide_softmax_row(r, wide_rows.scale, 1.0), np.int16),
                  ("SoftmaxOptions", {"beta": 1.0})),
        quantized("log_softmax", "LOG_SOFTMAX", [rows], q8(scale=16 / 256, zero=127),
                  by_rows(lambda r: fp.log_softmax_row(r, *near), np.int8)),
        quantized("l2_normalization", "L2_NORMALIZATION", [rows], symmetric,
                  by_rows(normalized(rows), np.int8)),
        quantized("abs", "ABS", [x], y, absolute(x, y)),
        quantized("abs_16", "ABS", [wide], wide_y, absolute(wide, wide_y)),
        quantized("rsqrt", "RSQRT", [q8(200, scale=0.02, zero=-128)], y,
                  inverse_roots(positive, y)),
    ]


# --- images and scales --------------------------------------------------------------------------

def resized(height, width, align_corners, half_pixel):
    def places(size, result):
        step = (1024 * size + result // 2) // result
        if align_corners and result > 1:
            step = (1024 * (size - 1) + (result - 1) // 2) // (result - 1)
        for o in range(result):
            place = o * step + (step // 2 - 512 if half_pixel else 0)
            low = max(int(place / 1024), 0)
            yield low, min(-(-place // 1024), size - 1), place - 1024 * low

    def reference(x, size):
        y = np.zeros((x.shape[0], height, width, x.shape[3]), object)
        wide = x.astype(object)
        for i, (r0, r1, v) in enumerate(places(x.shape[1], height)):
            for j, (c0, c1, u) in enumerate(places(x.shape[2], width)):
                upper = wide[:, r0, c0] * (1024 - u) + wide[:, r0, c1] * u
                lower = wide[:, r1, c0] * (1024 - u) + wide[:, r1, c1] * u
                y[:, i, j] = upper * (1024 - v) + lower * v
        return each(lambda s: fp.nearest_away(s, 1 << 20), y).astype(x.dtype)
    return reference


def moved(x, y):
    scale = Scale(real(x.scale) / real(y.scale))
    return lambda v: stored(each(scale.of, distance(v, x)), y)


def joined(parts, y):
    def reference(*values):
        return np.concatenate([v if (p.scale, p.zero) == (y.scale, y.zero) else moved(p, y)(v)
                               for p, v in zip(parts, values)], axis=1)
    return reference


def from_reals(y):
    scale = f32(0.05)
    # Halves of a step, which go away from zero, and what lies beyond the range.
    values = np.array([0.125, -0.125, 0.025, -0.025, 0.0249, 1e9, -1e9, 3.7, -6.2, 0], f32)

    def build(model, rng):
        graph = model.main
        index = graph.input("x", values.shape)
        steps = [float(v / scale) for v in values]
        steps = [math.copysign(math.floor(abs(s) + 0.5), s) for s in steps]
        result = np.array([clamp(s + y.zero, -128, 127) for s in steps]).astype(np.int8)
        graph.outputs = graph.op("QUANTIZE", [index], [
            ("y", result.shape, "int8", dict(scale=scale, zero_point=y.zero))])
        return [values], [result]
    return Case("integer_quantize", build)


def images_and_scales():
    image = q8(1, 4, 5, 2, scale=0.1, zero=3)
    same = q8(scale=0.1, zero=3)

    def resize(name, height, width, align_corners=False, half_pixel=False, size=None):
        x = size or image
        return quantized(name, "RESIZE_BILINEAR", [x, np.array([height, width], np.int32)], same,
                         resized(height, width, align_corners, half_pixel),
                         ("ResizeBilinearOptions", {"align_corners": align_corners,
                                                    "half_pixel_centers": half_pixel}))
    a, b, y = q8(2, 3, scale=0.04, zero=1), q8(2, 2, scale=0.07, zero=-3), q8(scale=0.07, zero=-3)
    byte, word = q8(99, scale=0.3, zero=-20), q16(99, scale=0.002)
    return [
        resize("resize_bilinear", 7, 11),
        resize("resize_bilinear_corners", 9, 3, align_corners=True),
        resize("resize_bilinear_centres", 3, 8, half_pixel=True),
        quantized("concatenation", "CONCATENATION", [a, b], y, joined([a, b], y),
                  ("ConcatenationOptions", {"axis": 1})),
        quantized("quantize_8_to_8", "QUANTIZE", [byte], y, moved(byte, y)),
        quantized("quantize_16_to_8", "QUANTIZE", [word], y, moved(word, y)),
        from_reals(q8(zero=-7)),
    ]


# --- memory -------------------------------------------------------------------------------------

def svdf():
    batch, inputs, units, rank, memory = 2, 5, 3, 2, 4
    filters = units * rank
    x, feature = q8(scale=0.05, zero=6), q8(scale=0.02)
    time, state, y = q16(scale=0.0007), q16(scale=0.0009), q8(scale=0.004, zero=-31)
    first = Scale(float(f32(x.scale) * f32(feature.scale) / f32(state.scale)))
    second = Scale(float(f32(state.scale) * f32(time.scale) / f32(y.scale)))

    def build(model, rng):
        graph = model.main
        value = rng.integers(-128, 128, (batch, inputs)).astype(np.int8)
        features = rng.integers(-127, 128, (filters, inputs)).astype(np.int8)
        times = rng.integers(-3000, 3000, (filters, memory)).astype(np.int16)
        bias = rng.integers(-9000, 9000, units).astype(np.int32)
        old = np.zeros((batch, filters, memory), np.int16)
        dots = distance(value, x).dot(features.T.astype(object))
        new = each(lambda v: clamp(first.of(v), -32768, 32767), dots)
        now = np.concatenate([old[:, :, 1:].astype(object), new[:, :, None]], axis=2)
        weighed = (now * times.astype(object)).sum(axis=2).reshape(batch, units, rank).sum(axis=2)
        result = stored(each(second.of, weighed + bias.astype(object)), y)
        fields = lambda q: dict(scale=q.scale, zero_point=q.zero)  # noqa: E731
        indices = [graph.input("x", value.shape, "int8", **fields(x)),
                   graph.constant(features, **fields(feature)),
                   graph.constant(times, **fields(time)),
                   graph.constant(bias),
                   graph.tensor("state", (batch, filters * memory), "int16", is_variable=True,
                                **fields(state))]
        graph.outputs = graph.op("SVDF", indices, [("y", result.shape, "int8", fields(y))],
                                 ("SVDFOptions", {"rank": rank}))
        return [value], [result, now.astype(np.int16).reshape(batch, -1)]
    return Case("integer_svdf", build)


def lstm(name, dtype, time_major):
    batch, steps, inputs, hidden = 2, 3, 4, 5
    x = Q((), f32(0.011), 5 if dtype == "int8" else 0, dtype)
    h = Q((), f32(0.0079), -4 if dtype == "int8" else 0, dtype)
    cell = q16(scale=2.0 ** -11)
    bias_type = np.int32 if dtype == "int8" else np.int64

    def gate_scale(q, w):
        return Scale(float(f32(q.scale) * f32(w)) / 2.0 ** -12)

    def step(values, state, memory, weights, recurrent, biases, scales, more):
        word = lambda v: clamp(v, -32768, 32767)  # noqa: E731

        def gate(g, is_tanh):
            given = distance(values, x).dot(weights[g].T.astype(object)) + biases[g].astype(object)
            kept = distance(state, h).dot(recurrent[g].T.astype(object))
            of = lambda s: (lambda v: word(s.of(v) if dtype == "int8" else s.of_wide(v)))  # noqa
            both = each(of(scales[g]), given) + each(of(more[g]), kept)
            return each(lambda v: fp.squashed(word(v), 3, 0, is_tanh), both)
        lets_in, forgets, new, lets_out = [gate(g, g == 2) for g in range(4)]
        keep = Scale(2.0 ** -15 * real(cell.scale) / real(cell.scale))
        take = Scale(2.0 ** -30 / real(cell.scale))
        show = Scale(2.0 ** -30 / real(h.scale))
        memory = each(lambda f, c, i, n: word(word(keep.of(f * c)) + word(take.of(i * n))),
                      forgets, memory, lets_in, new)
        shown = each(lambda c: fp.squashed(c, 3 << 1, 0, True), memory)
        return stored(each(lambda a, o: show.of(a * o), shown, lets_out), h), memory

    def build(model, rng):
        graph = model.main
        low, high = limits(dtype)
        sequence = rng.integers(low, high + 1, (steps, batch, inputs)).astype(dtype)
        weights = rng.integers(-127, 128, (4, hidden, inputs)).astype(np.int8)
        recurrent = rng.integers(-127, 128, (4, hidden, hidden)).astype(np.int8)
        biases = rng.integers(-3000, 3000, (4, hidden)).astype(bias_type)
        w_scales = rng.uniform(0.002, 0.009, 8).astype(f32)
        scales = [gate_scale(x, s) for s in w_scales[:4]]
        more = [gate_scale(h, s) for s in w_scales[4:]]
        # What is remembered begins as the real 0.
        state = np.full((batch, hidden), h.zero, dtype)
        memory = np.zeros((batch, hidden), np.int16)
        fields = lambda q: dict(scale=q.scale, zero_point=q.zero)  # noqa: E731
        fed = sequence if time_major else sequence.swapaxes(0, 1)
        indices = [graph.input("x", fed.shape, dtype, **fields(x))]
        for g in range(4):
            indices.append(graph.constant(weights[g], scale=w_scales[g], zero_point=0))
        for g in range(4):
            indices.append(graph.constant(recurrent[g], scale=w_scales[4 + g], zero_point=0))
        indices += [-1] * 3 + [graph.constant(biases[g]) for g in range(4)] + [-1, -1]
        indices.append(graph.tensor("h", state.shape, dtype, is_variable=True, **fields(h)))
        indices.append(graph.tensor("c", memory.shape, "int16", is_variable=True, **fields(cell)))
        indices += [-1] * 4
        shown = []
        for values in sequence:
            state, memory = step(values, state, memory, weights, recurrent, biases, scales, more)
            shown.append(state)
        result = np.stack(shown, axis=0 if time_major else 1)
        graph.outputs = graph.op(
            "UNIDIRECTIONAL_SEQUENCE_LSTM", indices, [("y", result.shape, dtype, fields(h))],
            ("UnidirectionalSequenceLSTMOptions",
             {"fused_activation_function": "TANH", "time_major": time_major}))
        return [fed], [result, state, memory.astype(np.int16)]
    return Case("integer_" + name, build)


def cases():
    return (arithmetic() + products_of_sums() + pools() + functions() + images_and_scales() +
            [svdf(), lstm("lstm", "int8", False), lstm("lstm_16", "int16", True)])

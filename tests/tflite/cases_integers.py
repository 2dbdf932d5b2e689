"""Quantised arithmetic, sums of products and pools: what they compute, bit for bit, by
fixed_point.py."""
import math

import numpy as np

import fixed_point as fp
from cases_reals import padding, windows
from fixed_point import Scale, distance, each, f32, stored
from quantized_cases import Q, q16, q8, quantized, real


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


def squared_differences(a, b, y, left=7):
    twice = 2 * max(real(a.scale), real(b.scale))
    of_a, of_b = Scale(real(a.scale) / twice), Scale(real(b.scale) / twice)
    of_y = Scale(twice * twice / ((1 << 2 * left) * real(y.scale)))

    def one(u, v):
        difference = of_a.of((u - a.zero) << left) - of_b.of((v - b.zero) << left)
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
    pot_y, fine_y = q16(scale=2.0 ** -10), q16(scale=0.02)
    shifts = fp.rounding != "twice"  # TFLite Micro has no such kernel
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
        quantized("add_16_powers_of_two", "ADD", [pot_a, pot_b], pot_y,
                  shifted_sums(2, 0, pot_y) if shifts else sums(pot_a, pot_b, pot_y, left=15)),
        quantized("sub", "SUB", [a, b], y, sums(a, b, y, -1)),
        quantized("sub_16", "SUB", [wide_a, wide_b], wide_y,
                  sums(wide_a, wide_b, wide_y, -1, 15), ("SubOptions", {"pot_scale_int16": False})),
        quantized("mul", "MUL", [a, b], y, products(a, b, y)),
        quantized("mul_relu_16", "MUL", [wide_a, wide_b], wide_y,
                  products(wide_a, wide_b, wide_y, 0),
                  ("MulOptions", {"fused_activation_function": "RELU"})),
        quantized("squared_difference", "SQUARED_DIFFERENCE", [a, b], y,
                  squared_differences(a, b, y)),
        quantized("squared_difference_16", "SQUARED_DIFFERENCE", [wide_a, wide_b], fine_y,
                  squared_differences(wide_a, wide_b, fine_y, 0)),
        quantized("div", "DIV", [a, nonzero], y, quotients(a, nonzero, y)),
        quantized("maximum", "MAXIMUM", [a, q8(3, 4, scale=0.031, zero=-7)],
                  q8(scale=0.031, zero=-7), np.maximum),
        quantized("less", "LESS", [a, b], None, compared(a, b, lambda u, v: u < v)),
        quantized("not_equal", "NOT_EQUAL", [a, q8(4, scale=0.062, zero=-7)], None,
                  compared(a, q8(scale=0.062, zero=-7), lambda u, v: u != v)),
        quantized("add_n", "ADD_N", [q8(9, scale=0.01, zero=-5)] * 3, y,
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


def requantized(sums_, scales, y, wide=False, is_matrix_product=True):
    """Sums with channels last, one scale for each or for all."""
    result = np.zeros(sums_.shape, object)
    for index in np.ndindex(sums_.shape):
        scale = scales[index[-1] if len(scales) > 1 else 0]
        value = int(sums_[index])
        result[index] = scale.of_wide(value) if wide else scale.of(value, is_matrix_product)
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
        return requantized(total, channel_scales(x, w, y), y, x.dtype == "int16", not depthwise)
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
        return requantized(total, channel_scales(x, w, y), y, x.dtype == "int16", False)
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


def halves():
    """Scales that are powers of two: every eighth sum lies halfway between two results, where the
    ways to round part. The weights are small, lest everything saturates."""
    small = lambda *shape: np.arange(np.prod(shape)).reshape(shape) * 7 % 5 - 2  # noqa: E731
    x, y = q8(2, 4, 5, 8, scale=0.5, zero=3), q8(scale=1, zero=-5)
    w, bias = q8(scale=0.25, data=small(7, 3, 3, 8)), np.arange(-3, 4, dtype=np.int32)
    depth = q8(scale=0.25, data=small(1, 3, 3, 8), axis=3)
    no_bias = np.zeros(8, np.int32)
    dense_x, dense_w = q8(40, 6, scale=0.5, zero=3), q8(scale=0.25, data=small(7, 6))
    left, right = q8(2, 9, 4, scale=0.5, zero=1), q8(scale=0.25, zero=-2, data=small(2, 4, 9))
    options = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
    narrow = q8(scale=1)
    return [
        quantized("halves_conv_2d", "CONV_2D", [x, w, bias], y,
                  convolution(x, w, y, (1, 1), "SAME"), ("Conv2DOptions", options)),
        quantized("halves_depthwise", "DEPTHWISE_CONV_2D", [x, depth, no_bias], y,
                  convolution(x, depth, y, (1, 1), "SAME", True),
                  ("DepthwiseConv2DOptions", {**options, "depth_multiplier": 1})),
        quantized("halves_fully_connected", "FULLY_CONNECTED", [dense_x, dense_w, None], y,
                  matrix_product(dense_x, dense_w, y), ("FullyConnectedOptions", {})),
        quantized("halves_batch_matmul", "BATCH_MATMUL", [left, right], y,
                  matrix_product(left, right, y, False), ("BatchMatMulOptions", {})),
        quantized("halves_mul", "MUL", [q8(90, scale=0.5), q8(90, scale=0.25, zero=9)], narrow,
                  products(q8(scale=0.5), q8(scale=0.25, zero=9), narrow)),
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


def cases():
    return arithmetic() + products_of_sums() + halves() + pools()

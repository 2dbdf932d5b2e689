"""Functions of one quantised tensor, changes of scale, images and operators with memory: what they
compute, bit for bit, by fixed_point.py."""
import math

import numpy as np

import fixed_point as fp
from cases import Case
from fixed_point import Scale, clamp, distance, each, f32, limits, stored
from quantized_cases import Q, q16, q8, quantized, real


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
    near = fp.differences(rows.scale, 1.0)
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
                                 ("SVDFOptions", {"rank": rank,
                                                  "fused_activation_function": "RELU"}))
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
    return (functions() + images_and_scales() +
            [svdf(), lstm("lstm", "int8", False), lstm("lstm_16", "int16", True)])

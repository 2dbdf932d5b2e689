"""Random quantised operators with their results as exact rational numbers, for exact.py.

Each maker returns a Case: nodes, constants and inputs for a model, and the real result in steps of
the output's scale. Where a QLinear operator and a chain of dequantize, operator and quantize mean
the same, chance decides which is written.
"""
from fractions import Fraction

import numpy
from onnx import helper

BYTES = (numpy.int8, numpy.uint8)
WIDE = (numpy.int16, numpy.uint16)


class Case:
    def __init__(self, rng, name):
        self.rng = rng
        self.name = name
        self.operator = name.rsplit("_", 1)[0]
        self.nodes, self.constants, self.inputs = [], {}, {}
        self.uses_powers_of_two = rng.random() < 0.3
        self.is_exact = self.uses_powers_of_two  # then no step of the computation rounds
        self.is_known = rng.random() < 0.85  # scales and zero points, when the model is compiled
        self.steps = None  # the real result over the output's scale, rational
        self.result_size = None  # of the result, or of terms that are real by nature, in steps
        self.term_size = None  # of all terms that are added up
        self.zero = 0
        self.dtype = None

    def value(self, name):
        return f"{self.name}/{name}"

    def constant(self, name, array):
        self.constants[self.value(name)] = array
        return self.value(name)

    def parameter(self, name, array):
        """A constant, or an input where this case's scales and zero points are known late."""
        if self.is_known:
            return self.constant(name, array)
        self.inputs[self.value(name)] = array
        return self.value(name)

    def node(self, op, inputs, output=None, domain="", **attributes):
        output = output or self.value(f"t{len(self.nodes)}")
        name = self.value(op + str(len(self.nodes)))
        self.nodes.append(
            helper.make_node(op, inputs, [output], name=name, domain=domain, **attributes)
        )
        return output

    def scale(self, shape=()):
        """Positive numbers around 0.02."""
        exponents = self.rng.uniform(-8, -4, shape)
        if self.uses_powers_of_two:
            exponents = numpy.rint(exponents)
        return numpy.float32(2.0**exponents)


class Quantised:
    """An operand: integers, their scale and zero point, and the names they have in the model."""

    def __init__(self, case, name, shape, dtype, channels=None, is_constant=False):
        rng, limits = case.rng, numpy.iinfo(dtype)
        self.integers = rng.integers(limits.min, limits.max + 1, shape).astype(dtype)
        # One entry is written as a number or as a vector of one.
        entries = (channels,) if channels else [(), (1,)][rng.integers(2)]
        self.scale = case.scale(entries)
        symmetric = rng.random() < 0.5
        low, high = limits.min // 2, limits.max // 2
        zero = numpy.zeros(entries) if symmetric else rng.integers(low, high + 1, entries)
        self.zero = numpy.asarray(zero, dtype)
        if is_constant:
            self.name = case.constant(name, self.integers)
        else:
            self.name = case.value(name)
            case.inputs[self.name] = self.integers
        self.scale_name = case.parameter(name + "_scale", self.scale)
        self.zero_name = case.parameter(name + "_zero", self.zero)
        self.names = [self.name, self.scale_name, self.zero_name]

    def distances(self, axis=0):
        """integer - zero point, with the zero points of channels along `axis`."""
        zero = self.zero.astype(numpy.int64)
        if zero.size > 1:
            zero = zero.reshape([-1 if i == axis else 1 for i in range(self.integers.ndim)])
        else:
            zero = zero.reshape(())
        return self.integers.astype(numpy.int64) - zero

    def dequantized(self, case, axis=0):
        attributes = {"axis": axis} if self.scale.size > 1 else {}
        return case.node("DequantizeLinear", self.names, **attributes)


def rational(array):
    """Every number as it is, exactly."""
    exact = [Fraction(float(x)) for x in numpy.ravel(array)]
    return numpy.array(exact, object).reshape(numpy.shape(array))


def finish(case, real, dtype, write, result_size=None, term_size=None):
    """Chooses the output's quantisation so that most of the range is used, and writes the nodes.

    `real` is the result; `write(scale, zero)` adds the nodes and ends in the case's own name.
    """
    rng, limits = case.rng, numpy.iinfo(dtype)
    largest = max([abs(float(x)) for x in numpy.ravel(real)] + [1e-6])
    scale = numpy.float32(largest / (limits.max - limits.min) * rng.uniform(1.2, 3))
    if case.uses_powers_of_two:
        scale = numpy.float32(2.0 ** numpy.rint(numpy.log2(scale)))
    zero = dtype(rng.integers(limits.min // 2, limits.max // 2 + 1) if rng.random() < 0.6 else 0)
    case.dtype, case.zero = numpy.dtype(dtype), int(zero)
    unit = Fraction(float(scale))
    case.steps = real / unit
    case.result_size = abs(real if result_size is None else result_size) / unit
    case.term_size = case.result_size if term_size is None else term_size / unit
    write(case.constant("y_scale", scale), case.constant("y_zero", zero))
    return case


def either(case, chain, fused):
    """Writes one of the two, as chance has it."""
    if case.rng.random() < 0.5:
        return lambda scale, zero: case.node("QuantizeLinear", [chain(), scale, zero], case.name)
    return lambda scale, zero: fused(scale, zero)


# --- sums of products -----------------------------------------------------------------------------


def convolved(x, w, groups, strides, dilations, pads):
    """The integer sums of a 2-D convolution of distances from the zero points."""
    x = numpy.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    batch, channels, height, width = x.shape
    filters, per_group, kh, kw = w.shape
    rows = (height - (kh - 1) * dilations[0] - 1) // strides[0] + 1
    columns = (width - (kw - 1) * dilations[1] - 1) // strides[1] + 1
    sums = numpy.zeros((batch, filters, rows, columns), numpy.int64)
    for f in range(filters):
        first = f // (filters // groups) * per_group
        for c in range(per_group):
            for i in range(kh):
                for j in range(kw):
                    top, left = i * dilations[0], j * dilations[1]
                    part = x[:, first + c, top : top + (rows - 1) * strides[0] + 1 : strides[0],
                             left : left + (columns - 1) * strides[1] + 1 : strides[1]]
                    sums[:, f] += part * w[f, c, i, j]
    return sums


def random_convolution(case):
    """Shapes and attributes of a small 2-D convolution that fits."""
    rng = case.rng
    groups = int(rng.choice([1, 1, 2, 4]))
    per_group = int(rng.integers(1, 4)) if groups < 4 else 1
    filters = groups * int(rng.integers(1, 4))
    kernel = rng.integers(1, 4, 2)
    shape = (int(rng.integers(1, 3)), groups * per_group, *(kernel + rng.integers(3, 6, 2)))
    attributes = {
        "group": groups,
        "strides": rng.integers(1, 3, 2).tolist(),
        "dilations": rng.integers(1, 3, 2).tolist(),
        "pads": rng.integers(0, 3, 4).tolist(),
    }
    return shape, (filters, per_group, *kernel), attributes


def sums_of(x, w, attributes):
    return convolved(x, w, attributes["group"], attributes["strides"], attributes["dilations"],
                     attributes["pads"])


def conv(rng, name, x_types=BYTES, w_types=BYTES, y_types=BYTES, written_out=False):
    case = Case(rng, name)
    shape, w_shape, attributes = random_convolution(case)
    x = Quantised(case, "x", shape, x_types[rng.integers(len(x_types))])
    channels = w_shape[0] if rng.random() < 0.5 else None
    w = Quantised(case, "w", w_shape, w_types[rng.integers(len(w_types))], channels, True)
    bias_scale = numpy.float32(x.scale.reshape(())) * w.scale
    bias = rng.integers(-2000, 2000, w_shape[0]).astype(numpy.int32)
    has_bias = rng.random() < 0.7
    sums = sums_of(x.distances(), w.distances(), attributes)
    sizes = sums_of(abs(x.distances()), abs(w.distances()), attributes)
    # An output channel's factor: the product of the two scales.
    factors = numpy.broadcast_to(rational(w.scale) * rational(x.scale).reshape(()), w_shape[0])
    real, sizes = sums * factors.reshape(1, -1, 1, 1), sizes * factors.reshape(1, -1, 1, 1)
    if has_bias:
        offset = (rational(bias_scale) * bias).reshape(1, -1, 1, 1)
        real, sizes = real + offset, sizes + abs(offset)

    def bias_name():
        return [case.constant("b", bias)] if has_bias else []

    def chain():
        b = []
        if has_bias:
            names = bias_name() + [case.parameter("b_scale", bias_scale)]
            b = [case.node("DequantizeLinear", names, axis=0)]
        return case.node("Conv", [x.dequantized(case), w.dequantized(case)] + b, **attributes)

    def fused(scale, zero):
        inputs = x.names + w.names + [scale, zero] + bias_name()
        case.node("QLinearConv", inputs, case.name, **attributes)

    write = either(case, chain, fused)
    if written_out or x.integers.dtype.itemsize > 1:  # QLinearConv knows bytes only

        def write(scale, zero):
            case.node("QuantizeLinear", [chain(), scale, zero], case.name)

    return finish(case, real, y_types[rng.integers(len(y_types))], write, term_size=sizes)


def conv_relu(rng, name):
    """An activation between the sum and its quantisation, written out."""
    case = conv(rng, name, written_out=True)
    quantize = case.nodes.pop()
    scale = case.constants[quantize.input[1]]
    top = numpy.float32(float(max(case.steps.ravel())) * float(scale) / 2)
    limited = numpy.maximum(case.steps, 0)
    if rng.random() < 0.5:
        active = case.node("Relu", [quantize.input[0]])
    else:
        limits = [case.constant("low", numpy.float32(0)), case.constant("high", top)]
        active = case.node("Clip", [quantize.input[0], *limits])
        limited = numpy.minimum(limited, Fraction(float(top)) / Fraction(float(scale)))
    case.steps = limited
    case.node("QuantizeLinear", [active, *quantize.input[1:]], case.name)
    return case


def conv16(rng, name):
    case = conv(rng, name, WIDE, (numpy.int8,), WIDE)
    case.is_exact = False  # the sums need more bits than f32 has
    return case


def matmul(rng, name, a_types=BYTES, b_types=BYTES, y_types=BYTES, longest=8):
    case = Case(rng, name)
    m, n = (int(d) for d in rng.integers(1, 9, 2))
    k = int(rng.integers(1, longest + 1))
    batch = [(), (2,), (2, 3)][rng.integers(3)]
    a = Quantised(case, "a", batch + (m, k), a_types[rng.integers(len(a_types))])
    columns = n if rng.random() < 0.5 else None
    is_constant = rng.random() < 0.8
    b = Quantised(case, "b", (k, n), b_types[rng.integers(len(b_types))], columns, is_constant)
    factors = numpy.broadcast_to(rational(b.scale) * rational(a.scale).reshape(()), n)
    real = (a.distances() @ b.distances(axis=1)) * factors
    sizes = (abs(a.distances()) @ abs(b.distances(axis=1))) * factors

    def chain():
        return case.node("MatMul", [a.dequantized(case), b.dequantized(case, axis=1)])

    def fused(scale, zero):
        case.node("QLinearMatMul", a.names + b.names + [scale, zero], case.name)

    write = either(case, chain, fused)
    if longest > 8:  # QLinearMatMul knows bytes only, and f32 does not hold the sums

        def write(scale, zero):
            case.node("QuantizeLinear", [chain(), scale, zero], case.name)

        case.is_exact = False
    return finish(case, real, y_types[rng.integers(len(y_types))], write, term_size=sizes)


def matmul16(rng, name):
    """Sums that 32 bits do not hold."""
    return matmul(rng, name, WIDE, WIDE, WIDE, 300)


def matmul_long(rng, name):
    """Sums that f32 does not hold."""
    return matmul(rng, name, BYTES, BYTES, WIDE, 3000)


def matmul_blocked(rng, name):
    """Weights with a scale for every few rows."""
    case = Case(rng, name)
    case.is_exact = False
    m, n, blocks, size = (int(d) for d in rng.integers(2, 6, 4))
    k = blocks * size - int(rng.integers(0, size))  # the last block need not be whole
    a = Quantised(case, "a", (m, k), BYTES[rng.integers(2)])
    dtype = BYTES[rng.integers(2)]
    limits = numpy.iinfo(dtype)
    b = rng.integers(limits.min, limits.max + 1, (k, n)).astype(dtype)
    scale, zero = case.scale((blocks, n)), rng.integers(0, 100, (blocks, n)).astype(dtype)
    spread = [numpy.repeat(x, size, axis=0)[:k] for x in (rational(scale), zero.astype(int))]
    weights = (b.astype(numpy.int64) - spread[1]) * spread[0]
    unit = rational(a.scale).reshape(())

    def write(y_scale, y_zero):
        names = [case.constant(*x) for x in (("b", b), ("b_scale", scale), ("b_zero", zero))]
        real = case.node("DequantizeLinear", names, axis=0, block_size=size)
        product = case.node("MatMul", [a.dequantized(case), real])
        case.node("QuantizeLinear", [product, y_scale, y_zero], case.name)

    sizes = (abs(a.distances()) @ abs(weights)) * unit
    real = (a.distances() @ weights) * unit
    return finish(case, real, BYTES[rng.integers(2)], write, sizes, sizes)


def gemm(rng, name):
    case = Case(rng, name)
    m, k, n = (int(d) for d in rng.integers(1, 9, 3))
    transposes = bool(rng.integers(2))
    a = Quantised(case, "a", (m, k), BYTES[rng.integers(2)])
    columns = n if rng.random() < 0.5 else None
    shape = (n, k) if transposes else (k, n)
    b = Quantised(case, "b", shape, BYTES[rng.integers(2)], columns, True)
    c = rng.integers(-2000, 2000, n).astype(numpy.int32)
    distances = b.distances(axis=0).T if transposes else b.distances(axis=1)
    factors = numpy.broadcast_to(rational(b.scale) * rational(a.scale).reshape(()), n)
    bias_scale = numpy.float32(a.scale.reshape(())) * b.scale
    offset = rational(bias_scale) * c
    real = (a.distances() @ distances) * factors + offset
    sizes = (abs(a.distances()) @ abs(distances)) * factors + abs(offset)

    def write(scale, zero):
        inputs = a.names + b.names + [case.constant("c", c), scale, zero]
        case.node("QGemm", inputs, case.name, "com.microsoft", transB=int(transposes))

    return finish(case, real, BYTES[rng.integers(2)], write, term_size=sizes)


# --- sums, products and means of elements ---------------------------------------------------------


def binary(op, combine, magnitude, types=BYTES):
    def make(rng, name):
        case = Case(rng, name)
        shapes = [((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (4,)), ((3, 1), (2, 3, 5))]
        shape_a, shape_b = shapes[rng.integers(3)]
        dtype = types[rng.integers(2)]
        a, b = Quantised(case, "a", shape_a, dtype), Quantised(case, "b", shape_b, dtype)
        reals = [x.distances() * rational(x.scale).reshape(()) for x in (a, b)]

        def chain():
            return case.node(op, [a.dequantized(case), b.dequantized(case)])

        def fused(scale, zero):
            if types == BYTES:
                inputs = a.names + b.names + [scale, zero]
                case.node("QLinear" + op, inputs, case.name, "com.microsoft")
            else:
                case.node("QuantizeLinear", [chain(), scale, zero], case.name)

        case.is_exact = case.is_exact and types == BYTES
        sizes = magnitude(*[numpy.abs(x) for x in reals])
        return finish(case, combine(*reals), dtype, either(case, chain, fused), sizes)

    return make


def average_pool(rng, name):
    case = Case(rng, name)
    # Windows of 2 or 4 divide exactly; others are as inexact as the scales.
    taps = [[2, 2], [1, 2]] if case.uses_powers_of_two else [[2, 2], [3, 3], [2, 3]]
    taps = taps[rng.integers(len(taps))]
    pads = [0, 0, 0, 0] if case.uses_powers_of_two else rng.integers(0, 2, 4).tolist()
    x = Quantised(case, "x", (2, 3, 6, 7), BYTES[rng.integers(2)])
    ones = numpy.ones((3, 1, *taps), numpy.int64)
    strides = rng.integers(1, 3, 2).tolist()
    sums = convolved(x.distances(), ones, 3, strides, [1, 1], pads)
    counts = convolved(numpy.ones(x.integers.shape, numpy.int64), ones, 3, strides, [1, 1], pads)
    sizes = convolved(abs(x.distances()), ones, 3, strides, [1, 1], pads)
    factors = rational(x.scale).reshape(()) / numpy.maximum(counts, 1).astype(object)
    real, sizes = sums * factors, sizes * factors
    attributes = {"kernel_shape": taps, "strides": strides, "pads": pads}

    def chain():
        return case.node("AveragePool", [x.dequantized(case)], **attributes)

    def fused(scale, zero):
        inputs = x.names + [scale, zero]
        case.node("QLinearAveragePool", inputs, case.name, "com.microsoft", **attributes)

    write = either(case, chain, fused)
    return finish(case, real, x.integers.dtype.type, write, term_size=sizes)


def global_average_pool(rng, name):
    case = Case(rng, name)
    side = 4 if case.uses_powers_of_two else int(rng.integers(2, 8))
    x = Quantised(case, "x", (2, 5, side, side), BYTES[rng.integers(2)])
    sums = x.distances().sum((2, 3), keepdims=True)
    factor = rational(x.scale).reshape(()) / (side * side)
    real = sums * factor
    sizes = abs(x.distances()).sum((2, 3), keepdims=True) * factor

    def chain():
        return case.node("GlobalAveragePool", [x.dequantized(case)])

    def fused(scale, zero):
        inputs = x.names + [scale, zero]
        case.node("QLinearGlobalAveragePool", inputs, case.name, "com.microsoft", channels_last=0)

    write = either(case, chain, fused)
    return finish(case, real, x.integers.dtype.type, write, term_size=sizes)


def concat(rng, name):
    case = Case(rng, name)
    dtype = BYTES[rng.integers(2)]
    a, b = Quantised(case, "a", (2, 3, 4), dtype), Quantised(case, "b", (2, 2, 4), dtype)
    reals = [x.distances() * rational(x.scale).reshape(()) for x in (a, b)]
    real = numpy.concatenate(reals, 1)

    def chain():
        return case.node("Concat", [a.dequantized(case), b.dequantized(case)], axis=1)

    def fused(scale, zero):
        inputs = [scale, zero] + a.names + b.names
        case.node("QLinearConcat", inputs, case.name, "com.microsoft", axis=1)

    return finish(case, real, dtype, either(case, chain, fused))


# --- sums of integers that stay integers ----------------------------------------------------------


def integer_result(case, sums):
    case.dtype, case.steps, case.is_exact = numpy.dtype(numpy.int32), rational(sums), True
    case.result_size = case.term_size = abs(case.steps)
    return case


def conv_integer(rng, name):
    case = Case(rng, name)
    shape, w_shape, attributes = random_convolution(case)
    x = Quantised(case, "x", shape, BYTES[rng.integers(2)])
    channels = w_shape[0] if rng.random() < 0.5 else None
    w = Quantised(case, "w", w_shape, BYTES[rng.integers(2)], channels, True)
    inputs = [x.name, w.name, x.zero_name, w.zero_name]
    case.node("ConvInteger", inputs, case.name, **attributes)
    return integer_result(case, sums_of(x.distances(), w.distances(), attributes))


def matmul_integer(rng, name):
    case = Case(rng, name)
    m, k, n = (int(d) for d in rng.integers(1, 9, 3))
    a = Quantised(case, "a", (2, m, k), BYTES[rng.integers(2)])
    b = Quantised(case, "b", (k, n), BYTES[rng.integers(2)], n if rng.random() < 0.5 else None)
    inputs = [a.name, b.name, a.zero_name, b.zero_name]
    case.node("MatMulInteger", inputs, case.name)
    return integer_result(case, a.distances() @ b.distances(axis=1))


OPERATORS = {
    "conv": conv,
    "conv16": conv16,
    "conv_relu": conv_relu,
    "matmul": matmul,
    "matmul16": matmul16,
    "matmul_long": matmul_long,
    "matmul_blocked": matmul_blocked,
    "gemm": gemm,
    "add": binary("Add", lambda a, b: a + b, lambda a, b: a + b),
    "add16": binary("Add", lambda a, b: a + b, lambda a, b: a + b, WIDE),
    "mul": binary("Mul", lambda a, b: a * b, lambda a, b: a * b),
    "mul16": binary("Mul", lambda a, b: a * b, lambda a, b: a * b, WIDE),
    "average_pool": average_pool,
    "global_average_pool": global_average_pool,
    "concat": concat,
    "conv_integer": conv_integer,
    "matmul_integer": matmul_integer,
}

"""Single elements of quantised models in exact rational numbers, and how far f32 may be off there.

What an integer stands for is scale * (integer - zero point); a scale is an f32, which is a rational
number, and so is all that convolutions, products, sums and means make of such. `Rational` computes
one element of one layer from the integers that the layer read, with nothing rounded anywhere, and
beside it a bound: no program that computes the layer as it is written, with every operation rounded
to f32 and sums taken in any order, is off by more.

Of an operator on integers (QLinearAdd ...) no program is known, only what it means: zero points may
be multiplied out, and the result's added before the rounding.

Exponentials are not rational; theirs have 50 decimal digits, and a bound that says so.
"""
import itertools
from decimal import Decimal, getcontext
from fractions import Fraction

import numpy

from runs import PLAIN, attributes_of

getcontext().prec = 60
DIGITS = Fraction(1, 10**50)
U = Fraction(1, 2**24)  # half an ulp of f32, relative


def rounded_up(bound):
    """A bound with fewer digits; exact ones would grow without end."""
    return Fraction(float(bound) * (1 + 2**-50))


def grid(value):
    """The largest power of two that a number is a multiple of; 0 where there is none, or for 0."""
    numerator, denominator = value.numerator, value.denominator
    if numerator == 0 or denominator & (denominator - 1):
        return Fraction(0)
    return Fraction(numerator & -numerator, denominator)


def is_f32(value):
    return value == 0 or (grid(value) > 0 and abs(value) <= grid(value) * 2**24)


def adds_exactly(terms):
    """All that can arise on the way to a sum has 24 bits."""
    grids = [grid(t.value) for t in terms if t.value != 0]
    is_fine = not any(t.error for t in terms) and all(grids)
    return is_fine and sum(abs(t.value) for t in terms) <= min(grids, default=1) * 2**24


class Real:
    """An exact value, and a bound of what f32 has instead of it."""

    def __init__(self, value, error=0):
        self.value = Fraction(value)
        self.error = error

    @property
    def largest(self):
        return abs(self.value) + self.error

    def rounded(self, value, error):
        """After one operation of f32, which is exact where it can be."""
        if not error and is_f32(value):
            return Real(value)
        return Real(value, rounded_up(error + U * (abs(value) + error)))

    def __mul__(self, other):
        error = self.largest * other.largest - abs(self.value * other.value)
        return self.rounded(self.value * other.value, error)

    def __truediv__(self, other):
        if other.error:
            raise ValueError("divided by what is not exact")
        return self.rounded(self.value / other.value, self.error / abs(other.value))

    def minus(self, zero):
        """Less a zero point, which integers are without error."""
        return Real(self.value - zero, self.error)


def total(terms):
    """A sum in any order: k - 1 roundings, of at most the sum of all magnitudes."""
    terms = list(terms)
    if len(terms) == 1:
        return terms[0]
    value = sum(t.value for t in terms)
    if adds_exactly(terms):
        return Real(value)
    times = (len(terms) - 1) * U
    growth = times / (1 - times)
    error = sum(t.error for t in terms) + growth * sum(t.largest for t in terms)
    return Real(value, rounded_up(error))


def exponential(x):
    value = (Decimal(x.value.numerator) / Decimal(x.value.denominator)).exp()
    value = Fraction(value)
    # exp(x + d) = exp(x) * (1 + d + ...), and libraries' exp is good to four units.
    relative = x.error * Fraction(1001, 1000) + 4 * U
    return Real(value, rounded_up(value * relative + DIGITS))


class Rational:
    """Elements of the layers of a model, given the shape of everything and what layers read."""

    def __init__(self, model, values):
        """`values`: by name; of what layers store the integers, of the rest at least the shape."""
        self.values = values
        self.producers = {node.output[0]: node for node in model.graph.node}

    def element(self, name, at):
        """The exact element of a tensor; integers that a layer stored are taken as they are."""
        node = self.producers.get(name)
        if node is None or node.op_type in ("Constant", "QuantizeLinear") or node.op_type in PLAIN:
            return Real(Fraction(self.values[name][at].item()))
        return self.computed(node, node.op_type, self.reader(node), attributes_of(node), at)

    def steps(self, name, at):
        """What a layer's element is before it is rounded to an integer: in steps, without zero point."""
        node = self.producers[name]
        if node.op_type == "QuantizeLinear":
            real = self.element(node.input[0], at)
            scale = self.parameter(node, 1, at, attributes_of(node).get("axis", 1))
        else:
            op, operands, result, bias = PLAIN[node.op_type]
            real = self.computed(node, op, self.plain_reader(node, op, operands, bias),
                                 attributes_of(node), at)
            scale = self.parameter(node, result, at, 1)
            # The zero point may be added before what is stored is rounded.
            zero = self.parameter(node, result + 1, at, 1)
            return total([real / scale, zero]).minus(zero.value)
        return real / scale

    def by_factor(self, name, at, steps):
        """What a layer stores that rescales its sum of integers by one f32 factor, which is how ONNX
        Runtime computes QLinearConv and QLinearMatMul; None for other layers."""
        node = self.producers[name]
        if node.op_type not in ("QLinearConv", "QLinearMatMul"):
            return None
        scales = [self.parameter(node, 1, at, 1), self.parameter(node, 6, at, 1),
                  self.parameter(node, 4, at, 1 if node.op_type == "QLinearConv" else -1)]
        x, y, w = (numpy.float32(float(s.value)) for s in scales)
        whole = steps.value * scales[1].value / (scales[0].value * scales[2].value)
        if whole.denominator != 1:
            raise ValueError(f"{name}: its sum is {whole}, which is no integer")
        return int(numpy.rint(numpy.float32(int(whole)) * (x * w / y)))

    # --- operands -----------------------------------------------------------------------------

    def shape(self, node, index):
        return self.values[node.input[index]].shape

    def has(self, node, index):
        return index is not None and index < len(node.input) and node.input[index] != ""

    def parameter(self, node, index, at, axis):
        """A scale (or bias factor) for an element: one for all, or one along an axis."""
        values = numpy.asarray(self.values[node.input[index]])
        place = 0 if values.size == 1 else at[axis % len(at)]
        return Real(Fraction(values.reshape(-1)[place].item()))

    def zero_point(self, node, index, at, axis):
        return self.parameter(node, index, at, axis).value if self.has(node, index) else 0

    def reader(self, node):
        """Operand by number and place."""
        def read(index, at):
            return self.element(node.input[index], at)
        read.shapes = [self.values[name].shape if name else None for name in node.input]
        read.has = lambda index: self.has(node, index)
        return read

    def plain_reader(self, node, op, operands, bias):
        """Of a QLinear operator: operands are dequantized as they are read."""
        axes = [1, 0 if op == "Conv" else -1]

        def read(index, at):
            if index == 2:  # the bias counts in steps of both scales
                both = self.parameter(node, 1, at, 0) * self.parameter(node, 4, at, 0)
                return both * self.element(node.input[bias], at)
            first = operands[index]
            zero = self.zero_point(node, first + 2, at, axes[index])
            scale = self.parameter(node, first + 1, at, axes[index])
            stored = self.element(node.input[first], at)
            return total([stored * scale, Real(-zero) * scale])
        read.shapes = [self.shape(node, i) for i in operands]
        read.has = lambda index: index < len(operands) or (index == 2 and self.has(node, bias))
        return read

    # --- operators ----------------------------------------------------------------------------

    def computed(self, node, op, read, attributes, at):
        if attributes.get("channels_last") and op in ("Conv", "AveragePool", "GlobalAveragePool"):
            return self.channels_last(op, read, attributes, at)
        return OPERATORS[op](read, attributes, at, self, node)

    def channels_last(self, op, read, attributes, at):
        def turned(index, place):
            return read(index, place if index else (place[0], *place[2:], place[1]))
        first = read.shapes[0]
        turned.shapes = [(first[0], first[-1], *first[1:-1]), *read.shapes[1:]]
        turned.has = read.has
        return OPERATORS[op](turned, attributes, (at[0], at[-1], *at[1:-1]), self, None)


def broadcast(read, index, at):
    """An operand's element where its shape is stretched to that of the result."""
    shape = read.shapes[index]
    tail = at[len(at) - len(shape):]
    return read(index, tuple(0 if extent == 1 else i for i, extent in zip(tail, shape)))


def window(read, attributes, at, taps):
    """Places of the taps (tap, place in the image) that are inside it."""
    image = read.shapes[0][2:]
    strides = attributes.get("strides", [1] * len(image))
    dilations = attributes.get("dilations", [1] * len(image))
    pads = list(attributes.get("pads", [0] * (2 * len(image))))
    mode = attributes.get("auto_pad", b"NOTSET")
    if mode in (b"SAME_UPPER", b"SAME_LOWER"):
        for i, extent in enumerate(image):
            rows = -(-extent // strides[i])
            whole = max((rows - 1) * strides[i] + (taps[i] - 1) * dilations[i] + 1 - extent, 0)
            pads[i] = whole // 2 if mode == b"SAME_UPPER" else whole - whole // 2
    for tap in itertools.product(*map(range, taps)):
        place = tuple(o * s + t * d - p for o, s, t, d, p in
                      zip(at[2:], strides, tap, dilations, pads))
        if all(0 <= i < extent for i, extent in zip(place, image)):
            yield tap, place


def conv(read, attributes, at, *_):
    filters = read.shapes[1]
    group = at[1] // (filters[0] // attributes.get("group", 1))
    terms = [read(0, (at[0], group * filters[1] + c, *place)) * read(1, (at[1], c, *tap))
             for tap, place in window(read, attributes, at, filters[2:])
             for c in range(filters[1])]
    if read.has(2):
        terms.append(read(2, (at[1],)))
    return total(terms)


def matmul(read, attributes, at, *_):
    inner = read.shapes[0][-1]
    left = at[:-2] if len(read.shapes[0]) > 2 else ()
    right = at[:-2] if len(read.shapes[1]) > 2 else ()
    return total(read(0, (*left, at[-2], k)) * read(1, (*right, k, at[-1])) for k in range(inner))


def gemm(read, attributes, at, *_):
    inner = read.shapes[0][0 if attributes.get("transA") else 1]
    a = [read(0, (k, at[0]) if attributes.get("transA") else (at[0], k)) for k in range(inner)]
    b = [read(1, (at[1], k) if attributes.get("transB") else (k, at[1])) for k in range(inner)]
    terms = [x * y for x, y in zip(a, b)]
    if read.has(2):
        terms.append(broadcast(read, 2, at))
    return total(terms)


def centred(read, rational, node):
    """Operands of ConvInteger and MatMulInteger: sums of integers, which are exact."""
    def less_zero(index, at):
        zero = 0
        if rational.has(node, index + 2):
            zero = rational.values[node.input[index + 2]].reshape(-1)[0].item()
        return read(index, at).minus(zero)
    less_zero.shapes = read.shapes[:2]
    less_zero.has = lambda index: index < 2
    return less_zero


def integers(operator):
    """The same operator on integers, where nothing rounds."""
    def apply(read, attributes, at, rational, node):
        return Real(operator(centred(read, rational, node), attributes, at).value)
    return apply


def average_pool(read, attributes, at, *_):
    taps = attributes["kernel_shape"]
    inside = [read(0, (*at[:2], *place)) for _, place in window(read, attributes, at, taps)]
    count = len(inside)
    if attributes.get("count_include_pad"):
        count = int(numpy.prod(taps))
    return total(inside) / Real(count)


def global_average_pool(read, attributes, at, *_):
    places = list(itertools.product(*map(range, read.shapes[0][2:])))
    return total(read(0, (*at[:2], *place)) for place in places) / Real(len(places))


def largest(values):
    values = list(values)
    return Real(max(v.value for v in values), max(v.error for v in values))


def max_pool(read, attributes, at, *_):
    taps = attributes["kernel_shape"]
    return largest(read(0, (*at[:2], *place)) for _, place in window(read, attributes, at, taps))


def limited(x, low, high):
    value = x.value if low is None else max(x.value, low)
    return Real(value if high is None else min(value, high), x.error)


def clip(read, attributes, at, *_):
    def limit(index, name):
        if read.has(index):
            return read(index, ()).value
        return Fraction(attributes[name]) if name in attributes else None
    return limited(read(0, at), limit(1, "min"), limit(2, "max"))


def leaky_relu(read, attributes, at, *_):
    x = read(0, at)
    slope = Real(Fraction(float(numpy.float32(attributes.get("alpha", 0.01)))))
    return x if x.value >= 0 else x * slope


def softmax(read, attributes, at, *_):
    axis = attributes.get("axis", -1) % len(at)
    row = [read(0, (*at[:axis], i, *at[axis + 1:])) for i in range(read.shapes[0][axis])]
    top = largest(row)
    powers = [exponential(total([x, Real(-top.value, top.error)])) for x in row]
    below = total(powers)
    value = powers[at[axis]].value / below.value
    relative = (powers[at[axis]].error / powers[at[axis]].value + below.error / below.value)
    return powers[0].rounded(value, rounded_up(value * relative * Fraction(1001, 1000)))


def sigmoid(read, attributes, at, *_):
    power = exponential(read(0, at))
    value = power.value / (1 + power.value)
    return power.rounded(value, rounded_up(power.error / power.value * value + U * value))


def flat(read, attributes, at, rational, node):
    """The same elements in the same order in another shape."""
    number = numpy.ravel_multi_index(at, rational.values[node.output[0]].shape)
    return read(0, tuple(int(i) for i in numpy.unravel_index(number, read.shapes[0])))


def transpose(read, attributes, at, *_):
    order = attributes.get("perm", list(range(len(at)))[::-1])
    place = [0] * len(at)
    for i, axis in enumerate(order):
        place[axis] = at[i]
    return read(0, tuple(place))


def cast(read, attributes, at, *_):
    x = read(0, at)
    return x.rounded(x.value, x.error)


def dequantize(read, attributes, at, rational, node):
    axis = attributes.get("axis", 1)
    zero = rational.zero_point(node, 2, at, axis)
    return read(0, at).minus(zero) * rational.parameter(node, 1, at, axis)


OPERATORS = {
    "Conv": conv,
    "ConvInteger": integers(conv),
    "MatMul": matmul,
    "MatMulInteger": integers(matmul),
    "Gemm": gemm,
    "Cast": cast,
    "Add": lambda read, _, at, *__: total([broadcast(read, 0, at), broadcast(read, 1, at)]),
    "Mul": lambda read, _, at, *__: broadcast(read, 0, at) * broadcast(read, 1, at),
    "Relu": lambda read, _, at, *__: limited(read(0, at), 0, None),
    "Clip": clip,
    "LeakyRelu": leaky_relu,
    "Sigmoid": sigmoid,
    "Softmax": softmax,
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average_pool,
    "MaxPool": max_pool,
    "Reshape": flat,
    "Flatten": flat,
    "Squeeze": flat,
    "Transpose": transpose,
    "DequantizeLinear": dequantize,
}

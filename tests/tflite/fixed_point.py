"""Fixed-point arithmetic as TensorFlow Lite's reference kernels define it, in Python's exact
integers: every rounding is written as the mathematics it is. Knows nothing of the compiler."""
import math

import numpy as np

f32 = np.float32
INT32 = 1 << 31
# Which kernels are meant, as `--tflite-rounding` has it; whoever makes the cases sets it.
rounding = "twice-up"


def nearest_up(numerator, denominator):
    return (2 * numerator + denominator) // (2 * denominator)


def nearest_away(numerator, denominator):
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return size if numerator >= 0 else -size


def wrap(value, bits=32):
    return (value + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


def clamp(value, low, high):
    return max(low, min(high, value))


def saturate(value):
    return clamp(value, -INT32, INT32 - 1)


def product(a, b):
    """a * b of fractions in units of 2^-31."""
    return saturate(nearest_up(a * b, INT32))


def halve(a, bits):
    return nearest_away(a, 1 << bits)


class Scale:
    """A real factor as a 31-bit multiplier and a power of two."""

    def __init__(self, real):
        fraction, self.shift = math.frexp(real)
        self.multiplier = int(math.floor(fraction * 2.0 ** 31 + 0.5))
        if self.multiplier == INT32:
            self.multiplier, self.shift = INT32 // 2, self.shift + 1

    def of(self, value, is_matrix_product=False):
        """value * scale."""
        if rounding == "once":
            return nearest_up(value * self.multiplier, 1 << (31 - self.shift))
        left = product(wrap(value << max(self.shift, 0)), self.multiplier)
        bits = max(-self.shift, 0)
        goes_up = rounding == "twice-up" and is_matrix_product
        return nearest_up(left, 1 << bits) if goes_up else halve(left, bits)

    def of_wide(self, value):
        narrow = min(nearest_up(self.multiplier, 1 << 16), 0x7fff)
        return nearest_up(value * narrow, 1 << (15 - self.shift))


def each(function, *arrays):
    """A function of Python integers applied to every element, operands broadcast."""
    arrays = np.broadcast_arrays(*[np.asarray(a).astype(object) for a in arrays])
    result = np.empty(arrays[0].shape, dtype=object)
    for index in np.ndindex(result.shape):
        result[index] = function(*[int(a[index]) for a in arrays])
    return result


def limits(dtype):
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def stored(steps, q, low=None, high=None):
    """Steps from the zero point as elements of a quantised tensor."""
    lowest, highest = limits(q.dtype)
    low = lowest if low is None else max(low, lowest)
    high = highest if high is None else min(high, highest)
    return each(lambda s: clamp(s + q.zero, low, high), steps).astype(q.dtype)


def distance(x, q):
    return each(lambda v: v - q.zero, x)


# --- functions ----------------------------------------------------------------------------------

def inverse_of_one_plus(a):
    half = (a + INT32) // 2
    x = 1515870810 + product(half, -1010580540)
    for _ in range(3):
        error = (1 << 29) - product(half, x)
        x = x + saturate(product(x, error) * 4)
    return saturate(2 * x)


def exp_of_negative(a, integer_bits):
    if a == 0:
        return INT32 - 1
    bits = 31 - integer_bits
    quarter = 1 << (bits - 2)
    rest = a % quarter - quarter
    x = saturate(rest << integer_bits) + (1 << 28)
    x2 = product(x, x)
    x3, x4 = product(x2, x), product(x2, x2)
    higher = halve(product(halve(x4, 2) + x3, 715827883) + x2, 1)
    result = 1895147668 + product(1895147668, x + higher)
    factors = [1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242]
    for i, factor in enumerate(factors[:integer_bits + 2]):
        if (rest - a) >> (bits - 2 + i) & 1:
            result = product(result, factor)
    return result


def zeros_above(value):
    return 32 - int(value).bit_length()


def differences(scale, beta):
    """The factor to five integer bits, and the largest distance that counts."""
    factor = Scale(min(beta * float(scale) * 2 ** 26, 2.0 ** 31 - 1))
    return factor, math.floor(31 * 2.0 ** 26 / 2.0 ** factor.shift)


def powers(row, factor, radius):
    top = max(row)
    return [exp_of_negative(factor.of(v - top), 5) if top - v <= radius else 0 for v in row]


def softmax_row(row, factor, radius, low, bits):
    shares = powers(row, factor, radius)
    total = sum(halve(p, 12) for p in shares)
    zeros = zeros_above(total)
    scale = inverse_of_one_plus((total << zeros) - INT32)
    steps = [halve(product(scale, p), 12 - zeros + 31 - bits) for p in shares]
    return [clamp(s + low, low, low + (1 << bits) - 1) for s in steps]


def log_of_sum(value):
    """log of a number with twelve integer bits, with five."""
    half_root, quarter_root = 1518500250, 1805811301
    a_zeros = zeros_above(value)
    a = saturate(product(value << (a_zeros - 1), half_root) * 2)
    b_zeros = zeros_above(product(value, half_root)) - 1
    r = min(a, saturate(value << b_zeros))
    exponent = max(((12 - a_zeros) << 25) + (1 << 23), ((12 - b_zeros) << 25) - (1 << 23))
    p = (r + quarter_root + 1) // 2
    q = 2 * (r - quarter_root)
    q2 = product(q, q)
    above = product(q, r) + product(product(q, q2), 117049297)
    below = (product(p, 1057819769 + q + product(127690142, q2)) + product(638450708, q))
    log = product(exponent, 1488522236) + product(halve(above, 6), inverse_of_one_plus(below))
    return saturate(2 * log)


def log_softmax_row(row, factor, radius):
    top = max(row)
    log = log_of_sum(sum(halve(p, 12) for p in powers(row, factor, radius)))
    back = Scale(2.0 ** (31 - factor.shift) / factor.multiplier)
    furthest = max(-radius - 1, back.of(log - INT32))
    return [clamp(halve(factor.of(v - top) - log, 22) + 127, -128, 127) if v - top > furthest
            else -128 for v in row]


def inverse_sqrt(value):
    """(multiplier, shift) of 1 / sqrt(value)."""
    if value <= 1:
        return INT32 - 1, 0
    shift = 11
    while value >= 1 << 29:
        value, shift = value // 4, shift + 1
    while value < 1 << 27:
        value, shift = value * 4, shift - 1
    half, x = halve(value >> 1, 1), 1 << 28
    for _ in range(5):
        cube = saturate(product(product(x, x), x) << 6)
        x = saturate((product(3 << 27, x) - product(half, cube)) << 3)
    x = product(x, 1518500250)
    return (x, -shift) if shift >= 0 else (x << -shift, 0)


def wide_table(function, first, last):
    step = (last - first) / 512
    at = [32768 * function(first + i * step / 2) for i in range(1025)]
    nearest = lambda v: math.copysign(math.floor(abs(v) + 0.5), v)  # noqa: E731
    entries = []
    for i in range(512):
        here = nearest(at[2 * i])
        missed = nearest((at[2 * i + 2] + here) / 2) - nearest(at[2 * i + 1])
        entries.append(here - nearest(missed / 2))
    return [int(clamp(e, -32768, 32767)) for e in entries + [nearest(at[1024])]]


def between(table, x):
    """Of a 16-bit number, between entries 128 steps apart."""
    entry, rest = divmod(x + 32768, 128)
    return table[entry] + ((table[entry + 1] - table[entry]) * rest + 64 >> 7)


def wide_softmax_row(row, scale, beta):
    exponentials = wide_table(math.exp, -10, 0)
    reciprocals = wide_table(lambda v: 1 / (1 + v), 0, 1)
    factor = Scale(float(scale) * beta / (10 / 65535))
    top = max(row)
    shares = [between(exponentials, clamp(factor.of(v - top) + 32767, -32768, 32767)) for v in row]
    zeros = zeros_above(sum(shares))
    place = (sum(shares) << (zeros - 1)) + (1 << 13) >> 14
    scale = between(reciprocals, clamp(place - (1 << 15) - (1 << 16), -32768, 32767))
    return [clamp(s * scale + (1 << (30 - zeros)) >> (31 - zeros), 0, 32767) for s in shares]


def sigmoid_table():
    """sigmoid(i / 24) in units of 2^-16, raised by half of what lines between entries miss."""
    s = lambda i: 65536 / (1 + math.exp(-i / 24))  # noqa: E731
    entries = [s(i) + (s(i + 0.5) - (s(i) + s(i + 1)) / 2) / 2 for i in range(255)]
    return [math.floor(e + 0.5) for e in entries] + [65535]


def wide_factor(scale, exact_shifts):
    """From 16-bit elements to units of 1 / (3 * 4096): (factor, right shift)."""
    log2 = math.log2(float(scale))
    if abs(log2 - round(log2)) < 1e-3 and 12 + round(log2) in exact_shifts:
        return 3 << (12 + round(log2)), 0
    factor, shift = float(scale) * 4096 * 3, 0
    while factor <= 32767 / 2 and shift <= 30:
        factor, shift = factor * 2, shift + 1
    return int(factor), shift


def squashed(x, factor, shift, is_tanh, table=sigmoid_table()):
    x = x * factor + (1 << shift >> 1) >> shift
    bits = 8 if is_tanh else 9
    entry, rest = divmod(abs(x), 1 << bits)
    if entry >= 255:
        upper = 0xffff << 8 if is_tanh else 0x7fff << 10
    else:
        upper = (table[entry] << bits) + rest * (table[entry + 1] - table[entry])
    if is_tanh:
        centred = upper - (1 << 23)
        return (centred if x >= 0 else -centred - 1) + (1 << 7) >> 8
    return (upper + (1 << 9) if x >= 0 else (1 << 25) - upper + (1 << 9) - 1) >> 10


def float_table(function, q, result):
    """A function in float32 over all bytes."""
    low, high = limits(q.dtype)
    rlow, rhigh = limits(result.dtype)
    table = {}
    for value in range(low, high + 1):
        real = function(f32(q.scale) * f32(value - q.zero))
        steps = f32(real) * (f32(1) / f32(result.scale))
        steps = math.copysign(math.floor(abs(float(steps)) + 0.5), float(steps))
        table[value] = int(clamp(steps + result.zero, rlow, rhigh))
    return table

"""Operators on real numbers in f64, for walk.py.

Each takes the operands and the attributes and gives the result and, where it adds up, the sum of the
terms' magnitudes (None elsewhere).
"""
import numpy


def pair(attributes, name, fallback):
    return list(attributes.get(name, fallback))


def windows_of(x, taps, attributes, fill=0.0):
    """Yields for every tap the part of the padded image that it meets."""
    strides = pair(attributes, "strides", [1, 1])
    dilations = pair(attributes, "dilations", [1, 1])
    pads = pair(attributes, "pads", [0, 0, 0, 0])
    mode = attributes.get("auto_pad", b"NOTSET")
    if mode in (b"SAME_UPPER", b"SAME_LOWER"):
        pads = [0, 0, 0, 0]
        for i in range(2):
            out = -(-x.shape[2 + i] // strides[i])
            total = max((out - 1) * strides[i] + (taps[i] - 1) * dilations[i] + 1 - x.shape[2 + i], 0)
            pads[i] = total // 2 if mode == b"SAME_UPPER" else total - total // 2
            pads[i + 2] = total - pads[i]
    x = numpy.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])),
                  constant_values=fill)
    rows = (x.shape[2] - (taps[0] - 1) * dilations[0] - 1) // strides[0] + 1
    columns = (x.shape[3] - (taps[1] - 1) * dilations[1] - 1) // strides[1] + 1
    for i in range(taps[0]):
        for j in range(taps[1]):
            top, left = i * dilations[0], j * dilations[1]
            yield i, j, x[:, :, top : top + (rows - 1) * strides[0] + 1 : strides[0],
                          left : left + (columns - 1) * strides[1] + 1 : strides[1]]


def conv_sum(x, w, attributes):
    groups = attributes.get("group", 1)
    total = None
    for i, j, part in windows_of(x, w.shape[2:], attributes):
        n, c, h, k = part.shape
        grouped = part.reshape(n, groups, c // groups, h * k)
        filters = w[:, :, i, j].reshape(groups, -1, c // groups)
        term = numpy.einsum("goc,ngcp->ngop", filters, grouped, optimize=True)
        total = term if total is None else total + term
    return total.reshape(n, w.shape[0], h, k)


def conv(operands, attributes):
    x, w = operands[:2]
    b = operands[2].reshape(1, -1, 1, 1) if len(operands) > 2 else 0
    return (conv_sum(x, w, attributes) + b, conv_sum(abs(x), abs(w), attributes) + abs(b))


def centred(operands):
    """Integers and weights without their zero points, which are the third and fourth operand."""
    x, w = (o.astype(numpy.float64) for o in operands[:2])
    x_zero, w_zero = (operands[i] if len(operands) > i and operands[i] is not None else 0
                      for i in (2, 3))
    return [x - x_zero, w - w_zero]


def matmul(operands, _):
    a, b = operands
    return a @ b, abs(a) @ abs(b)


def gemm(operands, attributes):
    a = operands[0].T if attributes.get("transA") else operands[0]
    b = operands[1].T if attributes.get("transB") else operands[1]
    c = operands[2] if len(operands) > 2 else 0
    return a @ b + c, abs(a) @ abs(b) + abs(c)


def average_pool(operands, attributes):
    x = operands[0]
    taps = attributes["kernel_shape"]
    total = sum(part for _, _, part in windows_of(x, taps, attributes))
    size = sum(part for _, _, part in windows_of(abs(x), taps, attributes))
    ones = numpy.ones_like(x)
    count = sum(part for _, _, part in windows_of(ones, taps, attributes))
    return total / count, size / count


def global_average_pool(operands, _):
    return operands[0].mean((2, 3), keepdims=True), abs(operands[0]).mean((2, 3), keepdims=True)


def max_pool(operands, attributes):
    x = operands[0]
    is_real = numpy.issubdtype(x.dtype, numpy.floating)
    lowest = -numpy.inf if is_real else numpy.iinfo(x.dtype).min
    parts = windows_of(x, attributes["kernel_shape"], attributes, lowest)
    return numpy.max([part for _, _, part in parts], axis=0), None


def softmax(operands, attributes):
    x = operands[0]
    axis = attributes.get("axis", -1)
    powers = numpy.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True), None


def reshape(operands, _):
    x, shape = operands
    return x.reshape([x.shape[i] if d == 0 else d for i, d in enumerate(shape)]), None


def clip(operands, attributes):
    low = operands[1] if len(operands) > 1 and operands[1] is not None else attributes.get("min")
    high = operands[2] if len(operands) > 2 and operands[2] is not None else attributes.get("max")
    return numpy.clip(operands[0], low, high), None


def leaky_relu(operands, attributes):
    x = operands[0]
    return numpy.where(x < 0, x * attributes.get("alpha", 0.01), x), None


def flatten(operands, attributes):
    axis = attributes.get("axis", 1)
    return operands[0].reshape(int(numpy.prod(operands[0].shape[:axis])), -1), None


REAL = {
    "Conv": conv,
    "ConvInteger": lambda x, a: conv(centred(x), a),
    "MatMulInteger": lambda x, a: matmul(centred(x), a),
    "Cast": lambda x, _: (x[0].astype(numpy.float64), None),
    "MatMul": matmul,
    "Gemm": gemm,
    "Add": lambda x, _: (x[0] + x[1], abs(x[0]) + abs(x[1])),
    "Mul": lambda x, _: (x[0] * x[1], None),
    "Relu": lambda x, _: (numpy.maximum(x[0], 0), None),
    "Clip": clip,
    "LeakyRelu": leaky_relu,
    "Sigmoid": lambda x, _: (1 / (1 + numpy.exp(-x[0])), None),
    "Softmax": softmax,
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average_pool,
    "MaxPool": max_pool,
    "Reshape": reshape,
    "Flatten": flatten,
    "Transpose": lambda x, a: (x[0].transpose(a.get("perm")), None),
    "Squeeze": lambda x, a: (x[0].squeeze(tuple(a["axes"] if "axes" in a else x[1])), None),
}


def channels_first(operator, operands, attributes):
    """Applies an operator; images with channels last are turned round and back."""
    if not attributes.get("channels_last"):
        return operator(operands, attributes)
    turned = [numpy.moveaxis(operands[0], -1, 1)] + operands[1:]
    return [None if x is None else numpy.moveaxis(x, 1, -1) for x in operator(turned, attributes)]

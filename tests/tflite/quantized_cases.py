"""What cases of quantised operators share: tensors with scales, and how a case is written down."""
from dataclasses import dataclass

import numpy as np

from cases import Case
from fixed_point import f32, limits


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

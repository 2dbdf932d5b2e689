"""Walks through a quantised model and judges every integer that its layers stored.

What a layer should have stored is the integer nearest to its exact result on the integers that it
read. f64 knows that integer wherever the result is not all but in the middle of two; those elements,
and all that are something else, are computed again in exact rational numbers (rational.py). So the
verdict is exact for every element, and costs rational arithmetic only where it matters.
"""
import dataclasses
from fractions import Fraction

import numpy
import onnx
from onnx import numpy_helper

from rational import Rational
from real_operators import REAL, channels_first
from runs import PLAIN, attributes_of

DOUBT = 2.0**-30  # of the terms of a sum: far more than f64 is off there


def along(parameter, rank, axis):
    """A scale or zero point shaped to broadcast along an axis."""
    parameter = numpy.asarray(parameter)
    if parameter.size == 1:
        return parameter.reshape(())
    return parameter.reshape([-1 if i == axis % rank else 1 for i in range(rank)])


def dequantized(x, scale, zero, axis=1):
    scale = along(scale, x.ndim, axis).astype(numpy.float64)
    zero = 0 if zero is None else along(zero, x.ndim, axis).astype(numpy.int64)
    return (x.astype(numpy.int64) - zero) * scale


@dataclasses.dataclass
class Layer:
    """A layer's elements that are not the integer nearest to the exact result, halves to the even."""
    node: onnx.NodeProto
    count: int
    rounded: list = dataclasses.field(default_factory=list)  # the neighbour, which f32 may have
    wrong: list = dataclasses.field(default_factory=list)    # neither; in words
    farthest: float = 0.0  # of the rounded ones, in steps from the middle of two integers

    def judge(self, steps, by_factor, actual, zero, limits, at):
        """`steps` is exact, with a bound; `by_factor` what is known to be computed, if it is."""
        def stored(value):
            return min(max(round(value) + zero, limits.min), limits.max)  # halves to even

        nearest = stored(steps.value)
        if actual == nearest:
            return
        may_be = stored(steps.value - steps.error) <= actual <= stored(steps.value + steps.error)
        if by_factor is not None:
            may_be = stored(by_factor) == actual
        if abs(actual - nearest) == 1 and may_be:
            self.rounded.append(at)
            middle = Fraction(actual + nearest, 2) - zero
            self.farthest = max(self.farthest, float(abs(steps.value - middle)))
        else:
            place = f"{self.node.op_type} {self.node.output[0]}{[int(i) for i in at]}"
            self.wrong.append(f"{place} is {actual}, exactly {float(steps.value + zero):.9f}; "
                              f"f32 is off by {float(steps.error):.2g} at most")


class Walk:
    """Recomputes every layer from one run's own integers, or from those that `fed` says."""

    def __init__(self, model, inputs, run, fed=None):
        self.fed = run if fed is None else fed
        self.values = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
        self.values.update(inputs)
        self.run = run
        self.rows = {}
        self.sizes = {}  # of what has been added up to a real value
        self.rational = Rational(model, self.values)
        for node in model.graph.node:
            self.visit(node)

    def read(self, node, index):
        if index is None or index >= len(node.input) or not node.input[index]:
            return None
        return self.values[node.input[index]]

    def visit(self, node):
        attributes = attributes_of(node)
        read = [self.read(node, i) for i in range(len(node.input))]
        if node.op_type == "Constant":
            self.values[node.output[0]] = numpy_helper.to_array(attributes["value"])
        elif node.op_type == "DequantizeLinear":
            zero = read[2] if len(read) > 2 else None
            self.values[node.output[0]] = dequantized(*read[:2], zero, attributes.get("axis", 1))
        elif node.op_type == "QuantizeLinear":
            real = read[0].astype(numpy.float64)
            size = self.sizes.get(node.input[0], abs(real))
            self.judge(node, real, size, read[1], read[2] if len(read) > 2 else 0)
        elif node.op_type in PLAIN:
            self.visit_plain(node, read, attributes)
        else:
            real, size = REAL[node.op_type](read, attributes)
            self.values[node.output[0]] = real
            if size is not None:
                self.sizes[node.output[0]] = size
            elif node.input and node.input[0] in self.sizes and node.op_type in ("Relu", "Clip"):
                self.sizes[node.output[0]] = self.sizes[node.input[0]]

    def visit_plain(self, node, read, attributes):
        op, operands, result, bias = PLAIN[node.op_type]
        axes = [1, 0 if op == "Conv" else -1]
        reals = [dequantized(*read[i : i + 3], axis) for i, axis in zip(operands, axes)]
        if bias is not None and len(read) > bias:
            reals.append(read[bias] * read[1].astype(float) * read[4].astype(float))
        real, size = channels_first(REAL[op], reals, attributes)
        size = abs(real) if size is None else size
        self.judge(node, real, size, read[result], read[result + 1])

    def judge(self, node, real, size, scale, zero):
        name = node.output[0]
        actual = self.run[name]
        self.values[name] = self.fed[name]
        axis = attributes_of(node).get("axis", 1)
        scale = along(scale, real.ndim, axis).astype(numpy.float64)
        zero = along(zero, real.ndim, axis).astype(numpy.int64)
        limits = numpy.iinfo(actual.dtype)
        steps = real / scale
        nearest = numpy.clip(numpy.rint(steps) + zero, limits.min, limits.max)
        from_tie = numpy.abs(steps - numpy.floor(steps) - 0.5)
        # f64 has rounded, too; far from the middle of two integers, that cannot matter.
        is_sure = from_tie > DOUBT * numpy.maximum(size / scale, 1)
        layer = Layer(node, actual.size)
        zero = numpy.broadcast_to(zero, actual.shape)
        for at in map(tuple, numpy.argwhere((actual != nearest) | ~is_sure)):
            exact = self.rational.steps(name, at)
            layer.judge(exact, self.rational.by_factor(name, at, exact), int(actual[at]),
                        int(zero[at]), limits, at)
        self.rows[name] = layer

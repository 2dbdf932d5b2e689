"""What files of cases share: how a case of one operator is written down."""
from dataclasses import dataclass
from typing import Callable

import numpy as np


@dataclass
class Case:
    name: str
    build: Callable  # (model, rng) -> (inputs, outputs)


class Shape(tuple):
    """An input: reals of this shape, drawn when the case is built."""


def reals(*shape):
    return Shape(shape)


@dataclass
class Given:
    """An input with these values, fed from outside."""
    value: object


@dataclass
class Drawn:
    """An input drawn by a function of the generator."""
    draw: Callable


def feed(value):
    return Given(np.asarray(value))


def integers(low, high, shape, dtype="int32"):
    return Drawn(lambda rng: rng.integers(low, high, shape).astype(dtype))


def booleans(*shape):
    return Drawn(lambda rng: rng.integers(0, 2, shape).astype(bool))


def positive(*shape):
    return Drawn(lambda rng: rng.uniform(0.1, 4, shape).astype(np.float32))


def operator(name, op, operands, reference, options=None):
    """One operator: operands are inputs (reals(), feed() ...), arrays (constants) or None."""

    def build(model, rng):
        graph = model.main
        indices, values, inputs = [], [], []
        for i, operand in enumerate(operands):
            if operand is None:
                indices.append(-1)
                values.append(None)
                continue
            if isinstance(operand, Shape):
                value = rng.standard_normal(tuple(operand)).astype(np.float32)
            elif isinstance(operand, Drawn):
                value = operand.draw(rng)
            elif isinstance(operand, Given):
                value = operand.value
            else:
                value = np.asarray(operand)
            is_input = isinstance(operand, (Shape, Given, Drawn))
            if is_input:
                indices.append(graph.input("x%d" % i, value.shape, value.dtype.name))
                inputs.append(value)
            else:
                indices.append(graph.constant(value))
            values.append(value)
        results = reference(*values)
        if not isinstance(results, (list, tuple)):
            results = [results]
        results = [np.asarray(r) for r in results]
        outputs = [("y%d" % i, r.shape, r.dtype.name) for i, r in enumerate(results)]
        graph.outputs = graph.op(op, indices, outputs, options)
        return inputs, results

    return Case(name, build)


def i32(*values):  # rows of lists make a matrix
    return np.array(values, dtype=np.int32)

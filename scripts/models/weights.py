# Where the numbers of the example models come from.
#
# Weights must be the same bytes on every machine, so they start as integers of a generator whose
# stream is frozen (numpy's MT19937) and reach float through operations that IEEE 754 rounds
# exactly: no logarithm, no sum of floats, no BLAS. They must also be alive: a deep network of
# careless random weights answers the same for every input, and then a compiler bug in an early
# layer would not show. Hence He scaling, and filters whose taps sum to zero where the input is
# the output of a ReLU, which takes away the constant part that would drown the signal.
import math
import zlib

import numpy

RESOLUTION = 1 << 20  # uniform integers in [-RESOLUTION, RESOLUTION]


class Weights:
    """A stream of numbers that depends on the name of the model and on nothing else."""

    def __init__(self, name):
        self.random = numpy.random.RandomState(zlib.crc32(name.encode()))

    def uniform(self, shape, low, high):
        """Values between low and high, as float64."""
        drawn = self.random.randint(0, RESOLUTION + 1, size=shape, dtype=numpy.int64)
        return low + (high - low) * (drawn / float(RESOLUTION))

    def spread(self, shape, deviation):
        """Values around zero with this standard deviation."""
        reach = deviation * math.sqrt(3.0)
        return self.uniform(shape, -reach, reach)

    def filters(self, shape, fan_in, gain, centred):
        """Weights [outputs, ...] that keep a signal's size: variance gain / fan_in.

        Centred filters sum to zero over everything but the first axis.
        """
        drawn = self.random.randint(-RESOLUTION, RESOLUTION + 1, size=shape, dtype=numpy.int64)
        if centred:
            taps = drawn.reshape(shape[0], -1)
            taps -= taps.sum(axis=1, keepdims=True) // taps.shape[1]
        return drawn * (math.sqrt(3.0 * gain / fan_in) / RESOLUTION)

    def batch_norm(self, channels, scale):
        """(gamma, beta, mean, variance) as training leaves them: near 1, 0, 0, 1, but not there."""
        gamma = scale * self.uniform(channels, 0.7, 1.3)
        beta = scale * self.uniform(channels, -0.3, 0.3)
        mean = self.uniform(channels, -0.3, 0.3)
        variance = self.uniform(channels, 0.6, 1.4)
        return gamma, beta, mean, variance

# pump_predictive: a predictive-maintenance network with two inputs and four heads.
#
# A spectrogram goes through three pairs of convolutions and a global average; 102 further
# features are normalised over themselves (so their scale does not matter) and go through two
# dense layers; both meet, and four small heads tell the failure mode, its severity, a health
# index in percent and the remaining useful life. The form is that of a Keras model after tf2onnx:
# channels last at the boundary, and the normalisation in pieces.
import numpy

from .builder import Builder, KerasNames

SIGMOID = 1.0  # gain in front of the sigmoid: keeps it out of saturation


def _spectrogram_branch(b, spec):
    x = b.transpose(spec, [0, 3, 1, 2], "spec_to_nchw")
    for block, channels in enumerate((32, 64, 128), start=1):
        for half in ("a", "b"):
            layer = f"conv{block}{half}"
            gain = 1.0 if layer == "conv1a" else 2.0
            x = b.conv(x, channels, 3, layer, gain=gain)
            x = b.relu(x, layer)
        if block < 3:
            x = b.max_pool(x, 2, 2, f"pool{block}")
    x = b.global_average(x, "global_average_pooling2d")
    axes = b.constant("model/global_average_pooling2d/axes:0", numpy.array([2, 3], numpy.int64))
    return b.node("Squeeze", [x, axes], [1, 128], "global_average_pooling2d")


def _normalise(b, aux):
    """gamma * (aux - mean) / sqrt(variance + 0.001) + beta, in the order tf2onnx leaves it."""

    def step(operator, inputs, shape, layer, **attributes):
        return b.node(operator, inputs, shape, f"aux_norm/{layer}", **attributes)

    row, one = [1, 102], [1, 1]
    mean = step("ReduceMean", [aux], one, "mean", axes=[1], keepdims=1)
    difference = step("Sub", [aux, mean], row, "difference")
    square = step("Mul", [difference, difference], row, "square")
    variance = step("ReduceMean", [square], one, "variance", axes=[1], keepdims=1)
    epsilon = b.constant("model/aux_norm/epsilon:0", numpy.float32(0.001))
    shifted = step("Add", [variance, epsilon], one, "shifted")
    deviation = step("Sqrt", [shifted], one, "deviation")
    inverse = step("Reciprocal", [deviation], one, "inverse")
    gamma = b.parameter("aux_norm", "gamma", b.weights.uniform(row, 0.7, 1.3))
    scale = step("Mul", [inverse, gamma], row, "scale")
    negative = step("Neg", [mean], one, "negative")
    centre = step("Mul", [negative, scale], row, "centre")
    scaled = step("Mul", [aux, scale], row, "scaled")
    beta = b.parameter("aux_norm", "beta", b.weights.uniform(row, -0.3, 0.3))
    offset = step("Add", [centre, beta], row, "offset")
    return step("Add", [scaled, offset], row, "sum")


def _hidden(b, x, features, layer, **keywords):
    return b.relu(b.dense(x, features, layer, **keywords), layer)


def _heads(b, x):
    mode = _hidden(b, x, 128, "mode_hidden")
    b.output(b.softmax(b.dense(mode, 16, "mode_logits"), "mode"), "mode")

    severity = _hidden(b, x, 64, "severity_hidden")
    b.output(b.softmax(b.dense(severity, 4, "severity_logits"), "severity"), "severity")

    health = b.dense(_hidden(b, x, 64, "health_hidden"), 1, "health_logit", gain=SIGMOID)
    health = b.node("Sigmoid", [health], [1, 1], "health")
    percent = b.constant("model/health/percent:0", numpy.float32(100))
    b.output(b.node("Mul", [health, percent], [1, 1], "health_percent"), "health")

    # A life is never negative, so the linear head is cut at zero; most lives are well above it.
    life = b.dense(_hidden(b, x, 64, "rul_hidden"), 1, "rul", bias=5.0)
    b.output(b.relu(life, "rul_positive"), "rul")


def pump_predictive():
    b = Builder("pump_predictive", KerasNames, "tf2onnx", norm_statistics_count=True)
    aux = b.input("aux", [1, 102])
    spec = b.input("spec", [1, 128, 128, 1])
    image = _spectrogram_branch(b, spec)
    features = _hidden(b, _normalise(b, aux), 128, "aux_dense1", gain=1.0)
    features = _hidden(b, features, 128, "aux_dense2")
    joined = b.concat([image, features], "concatenate")
    trunk = _hidden(b, joined, 256, "trunk1")
    _heads(b, _hidden(b, trunk, 128, "trunk2"))
    return b

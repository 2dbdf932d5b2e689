# Builds an ONNX graph layer by layer, in the form in which a framework's exporter leaves it.
#
# A model file says the structure ("3x3 convolution to 32 channels, batch norm, ReLU"); this file
# knows which nodes, attributes and initializers that becomes. Shapes are tracked (batch is 1,
# images are NCHW inside the graph) so that a model states output channels only, and parameters
# are counted as the framework counts them, so that a model can be held against its paper.
import math

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from .weights import Weights

IR_VERSION = 8
OPSET = 13
EPSILON = 1e-5
# One over the variance of relu(normal): all that filters whose taps sum to zero see of it.
AFTER_RELU = 2.0 / (1.0 - 1.0 / math.pi)


class PyTorchNames:
    """Names as torch.onnx writes them: layer1.0.conv1.weight, /layer1/0/conv1/Conv_output_0."""

    @staticmethod
    def parameter(layer, kind):
        return f"{layer}.{kind}"

    @staticmethod
    def value(layer, operator):
        return f"/{layer.replace('.', '/')}/{operator}_output_0"


class KerasNames:
    """Names as tf2onnx writes them: model/conv1/Conv2D:0, model/conv1/kernel:0."""

    @staticmethod
    def parameter(layer, kind):
        return f"model/{layer}/{kind}/ReadVariableOp:0"

    @staticmethod
    def value(layer, operator):
        return f"model/{layer}/{operator}:0"


class Builder:
    """One model under construction. Values are referred to by their ONNX names."""

    def __init__(self, name, names, producer, norm_statistics_count):
        self.name = name
        self.names = names
        self.producer = producer
        # PyTorch lists gamma and beta as parameters of a batch norm, Keras its statistics too.
        self.norm_vectors = 4 if norm_statistics_count else 2
        self.weights = Weights(name)
        self.nodes = []
        self.initializers = []
        self.inputs = []
        self.outputs = []
        self.shapes = {}  # value or initializer name -> shape
        self.parameters = 0
        self.macs = 0  # multiply-accumulates of convolutions and dense layers, for one inference

    # --- the graph ------------------------------------------------------------------------------

    def input(self, name, shape):
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        self.shapes[name] = list(shape)
        return name

    def constant(self, name, array):
        """An initializer that is no parameter: axes, shapes, bounds. Equal names are shared."""
        if name not in self.shapes:
            self.initializers.append(numpy_helper.from_array(numpy.ascontiguousarray(array), name))
            self.shapes[name] = list(numpy.shape(array))
        return name

    def parameter(self, layer, kind, array):
        array = numpy.asarray(array, dtype=numpy.float32)
        name = self.names.parameter(layer, kind)
        if name in self.shapes:
            raise ValueError(f"{self.name}: parameter {name} is made twice")
        self.parameters += array.size
        return self.constant(name, array)

    def node(self, operator, inputs, shape, layer, outputs=1, **attributes):
        """Appends a node; shape is that of its output (of each, when there are several)."""
        base = self.names.value(layer, operator)
        made = [base if i == 0 else f"{base}_{i}" for i in range(outputs)]
        for value in made:
            if value in self.shapes:
                raise ValueError(f"{self.name}: value {value} is made twice")
            self.shapes[value] = list(shape)
        name = base.rsplit("_output", 1)[0].rsplit(":", 1)[0]
        self.nodes.append(helper.make_node(operator, inputs, made, name=name, **attributes))
        return made[0] if outputs == 1 else made

    def output(self, value, name):
        """Makes a value an output of the model, under the name users will see."""
        for node in self.nodes:
            for fields in (node.input, node.output):
                for i, used in enumerate(fields):
                    if used == value:
                        fields[i] = name
        self.shapes[name] = self.shapes.pop(value)
        self.outputs.append(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, self.shapes[name])
        )

    def model(self):
        graph = helper.make_graph(
            self.nodes, self.name, self.inputs, self.outputs, self.initializers
        )
        model = helper.make_model(
            graph, producer_name=self.producer, opset_imports=[helper.make_opsetid("", OPSET)]
        )
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        return model

    # --- layers ---------------------------------------------------------------------------------

    def conv(self, x, channels, kernel, layer, stride=1, pad="same", group=1, bias=True,
             gain=AFTER_RELU, norm=None):
        """A convolution. pad: "same" | "valid" | "auto" (SAME_UPPER) | [top, left, bottom, right].

        norm, a scale, multiplies a batch norm of that scale into weights and bias, as exporters do.
        """
        kernel = [kernel, kernel] if isinstance(kernel, int) else list(kernel)
        strides = [stride, stride]
        _, channels_in, height, width = self.shapes[x]
        pads = self._pads(pad, (height, width), kernel, strides)
        fan_in = channels_in // group * kernel[0] * kernel[1]
        shape = [channels, channels_in // group] + kernel
        weight = self.weights.filters(shape, fan_in, gain, centred=gain == AFTER_RELU)
        offset = self.weights.spread(channels, 0.1) if bias else None
        if norm is not None:
            weight, offset = self._folded(weight, offset, norm)
        inputs = [x, self.parameter(layer, "weight", weight)]
        if offset is not None:
            inputs.append(self.parameter(layer, "bias", offset))
        padding = {"auto_pad": "SAME_UPPER"} if pad == "auto" else {"pads": pads}
        out = [
            (size + pads[i] + pads[i + 2] - kernel[i]) // strides[i] + 1
            for i, size in enumerate((height, width))
        ]
        self.macs += math.prod(shape) * math.prod(out)
        return self.node("Conv", inputs, [1, channels] + out, layer, dilations=[1, 1], group=group,
                         kernel_shape=kernel, strides=strides, **padding)

    def batch_norm(self, x, layer, scale=1.0):
        values = self.weights.batch_norm(self.shapes[x][1], scale)
        counted = self.parameters
        kinds = ("weight", "bias", "running_mean", "running_var")
        inputs = [self.parameter(layer, kind, array) for kind, array in zip(kinds, values)]
        self.parameters = counted + self.norm_vectors * self.shapes[x][1]
        return self.node("BatchNormalization", [x] + inputs, self.shapes[x], layer, epsilon=EPSILON)

    def dense(self, x, features, layer, gain=AFTER_RELU, bias=0.0):
        """x * W + b as MatMul and Add, the form of Keras; b lies around bias."""
        features_in = self.shapes[x][1]
        weight = self._dense_weights(features, features_in, gain).T
        kernel = self.parameter(layer, "kernel", weight)
        bias = self.parameter(layer, "bias", bias + self.weights.spread(features, 0.1))
        product = self.node("MatMul", [x, kernel], [1, features], layer)
        return self.node("Add", [product, bias], [1, features], layer)

    def gemm(self, x, features, layer, gain=AFTER_RELU):
        """x * W^T + b as one Gemm, the form of PyTorch's Linear."""
        weight = self._dense_weights(features, self.shapes[x][1], gain)
        inputs = [x, self.parameter(layer, "weight", weight)]
        inputs.append(self.parameter(layer, "bias", self.weights.spread(features, 0.1)))
        return self.node("Gemm", inputs, [1, features], layer, alpha=1.0, beta=1.0, transB=1)

    def max_pool(self, x, kernel, stride, layer, pads=(0, 0, 0, 0), ceil=False):
        return self._pool("MaxPool", x, [kernel] * 2, [stride] * 2, layer, pads, ceil)

    def average_pool(self, x, kernel, layer):
        """An average over windows that do not overlap."""
        kernel = list(kernel)
        return self._pool("AveragePool", x, kernel, kernel, layer, (0, 0, 0, 0), False)

    def global_average(self, x, layer):
        shape = self.shapes[x][:2] + [1, 1]
        return self.node("GlobalAveragePool", [x], shape, layer)

    def flatten(self, x, layer):
        return self.node("Flatten", [x], [1, math.prod(self.shapes[x][1:])], layer, axis=1)

    def reshape(self, x, shape, layer):
        target = self.constant(self.names.value(layer, "shape"), numpy.array(shape, numpy.int64))
        return self.node("Reshape", [x, target], shape, layer)

    def transpose(self, x, permutation, layer):
        shape = [self.shapes[x][axis] for axis in permutation]
        return self.node("Transpose", [x], shape, layer, perm=permutation)

    def pad_image(self, x, pads, layer):
        """Zero padding [top, left, bottom, right] as a node of its own."""
        top, left, bottom, right = pads
        amounts = numpy.array([0, 0, top, left, 0, 0, bottom, right], numpy.int64)
        _, channels, height, width = self.shapes[x]
        shape = [1, channels, height + top + bottom, width + left + right]
        amounts = self.constant(self.names.value(layer, "paddings"), amounts)
        return self.node("Pad", [x, amounts], shape, layer, mode="constant")

    def relu(self, x, layer):
        return self.node("Relu", [x], self.shapes[x], layer)

    def relu6(self, x, layer):
        low = self.constant("relu6_low", numpy.float32(0))
        high = self.constant("relu6_high", numpy.float32(6))
        return self.node("Clip", [x, low, high], self.shapes[x], layer)

    def add(self, x, y, layer):
        return self.node("Add", [x, y], self.shapes[x], layer)

    def concat(self, values, layer):
        shape = list(self.shapes[values[0]])
        shape[1] = sum(self.shapes[value][1] for value in values)
        return self.node("Concat", values, shape, layer, axis=1)

    def softmax(self, x, layer):
        return self.node("Softmax", [x], self.shapes[x], layer, axis=-1)

    # --- helpers --------------------------------------------------------------------------------

    @staticmethod
    def _pads(pad, size, kernel, strides):
        if pad == "valid":
            return [0, 0, 0, 0]
        if pad not in ("same", "auto"):
            return list(pad)
        # TensorFlow's rule: ceil(size / stride) outputs, the odd row of zeros at the end.
        total = [
            max((-(-size[i] // strides[i]) - 1) * strides[i] + kernel[i] - size[i], 0)
            for i in range(2)
        ]
        return [total[0] // 2, total[1] // 2, (total[0] + 1) // 2, (total[1] + 1) // 2]

    def _folded(self, weight, offset, scale):
        gamma, beta, mean, variance = self.weights.batch_norm(weight.shape[0], scale)
        factor = gamma / numpy.sqrt(variance + EPSILON)
        # The folded bias will count as one vector; the framework had the norm's, and maybe a bias.
        self.parameters += (self.norm_vectors - (offset is None)) * weight.shape[0]
        offset = beta + factor * ((0 if offset is None else offset) - mean)
        return weight * factor.reshape(-1, 1, 1, 1), offset

    def _dense_weights(self, features, features_in, gain):
        self.macs += features * features_in
        centred = gain == AFTER_RELU
        return self.weights.filters([features, features_in], features_in, gain, centred)

    def _pool(self, operator, x, kernel, strides, layer, pads, ceil):
        _, channels, height, width = self.shapes[x]
        out = []
        for i, size in enumerate((height, width)):
            slack = strides[i] - 1 if ceil else 0
            out.append((size + pads[i] + pads[i + 2] - kernel[i] + slack) // strides[i] + 1)
        extra = {"ceil_mode": 1} if ceil else {}
        return self.node(operator, [x], [1, channels] + out, layer, kernel_shape=kernel,
                         strides=strides, pads=list(pads), **extra)

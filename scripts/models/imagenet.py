# ImageNet classifiers from their papers, in the form in which torchvision's models leave
# torch.onnx: ResNet-18, MobileNetV2, SqueezeNet 1.1 and ShuffleNetV2; and MobileNetV2 once more
# as Keras has it, at 0.35 of its width. They are here for their size and for their data movement
# (residuals, inverted residuals, concatenations, channel shuffles).
import numpy

from .builder import Builder, KerasNames, PyTorchNames

IMAGE = 1.0  # gain of a layer that reads the input itself
LINEAR = 1.0  # gain of a layer that reads a value no ReLU went over
CLASSES = 1000


def _torch_classifier(name):
    b = Builder(name, PyTorchNames, "pytorch", norm_statistics_count=False)
    return b, b.input("input", [1, 3, 224, 224])


def resnet18():
    """Batch norms as nodes, as an export without constant folding leaves them."""
    b, x = _torch_classifier("resnet18")

    def conv_norm(x, channels, kernel, conv, norm, stride=1, scale=1.0, **keywords):
        pads = [kernel // 2] * 4
        x = b.conv(x, channels, kernel, conv, stride, pads, bias=False, **keywords)
        return b.batch_norm(x, norm, scale)

    x = b.relu(conv_norm(x, 64, 7, "conv1", "bn1", 2, gain=IMAGE), "relu")
    x = b.max_pool(x, 3, 2, "maxpool", pads=[1, 1, 1, 1])
    for stage, channels in enumerate((64, 128, 256, 512), start=1):
        for block in range(2):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            y = conv_norm(x, channels, 3, f"{name}.conv1", f"{name}.bn1", stride)
            y = b.relu(y, f"{name}.relu")
            y = conv_norm(y, channels, 3, f"{name}.conv2", f"{name}.bn2", scale=0.7)
            if stride != 1:
                down = f"{name}.downsample"
                x = conv_norm(x, channels, 1, f"{down}.0", f"{down}.1", stride, scale=0.7)
            x = b.relu(b.add(y, x, name), f"{name}.relu_1")
    x = b.flatten(b.global_average(x, "avgpool"), "flatten")
    b.output(b.gemm(x, CLASSES, "fc"), "output")
    return b


# Expansion, channels, repetitions, first stride: table 2 of the MobileNetV2 paper.
INVERTED_RESIDUALS = [
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
    (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
]


def _inverted_residuals(width):
    """(expansion, channels, stride) of the blocks; channels are multiples of 8 at any width."""
    for expansion, channels, repetitions, first_stride in INVERTED_RESIDUALS:
        scaled = max(8, int(channels * width + 4) // 8 * 8)
        if scaled < 0.9 * channels * width:
            scaled += 8
        for i in range(repetitions):
            yield expansion, scaled, first_stride if i == 0 else 1


def mobilenetv2():
    """Batch norms folded, as torch.onnx does for a model in evaluation mode."""
    b, x = _torch_classifier("mobilenetv2")

    def conv_norm(x, channels, kernel, layer, stride=1, group=1, active=True, **keywords):
        pads = [kernel // 2] * 4
        x = b.conv(x, channels, kernel, f"{layer}.0", stride, pads, group, bias=False,
                   norm=1.0 if active else 0.7, **keywords)
        return b.relu6(x, f"{layer}.2") if active else x

    x = conv_norm(x, 32, 3, "features.0", 2, gain=IMAGE)
    for i, (expansion, channels, stride) in enumerate(_inverted_residuals(1.0), start=1):
        layer = f"features.{i}.conv"
        channels_in = b.shapes[x][1]
        hidden = channels_in * expansion
        y = x if expansion == 1 else conv_norm(x, hidden, 1, f"{layer}.0", gain=LINEAR)
        y = conv_norm(y, hidden, 3, f"{layer}.1", stride, group=hidden)
        y = conv_norm(y, channels, 1, f"{layer}.2", active=False)
        x = b.add(x, y, layer) if stride == 1 and channels_in == channels else y
    x = conv_norm(x, 1280, 1, "features.18", gain=LINEAR)
    x = b.flatten(b.global_average(x, "pool"), "flatten")
    b.output(b.gemm(x, CLASSES, "classifier.1"), "output")
    return b


def mobilenetv2_035_96():
    """Batch norms as nodes, channels last at the boundary, strided padding as Pad nodes."""
    b = Builder("mobilenetv2_035_96", KerasNames, "tf2onnx", norm_statistics_count=True)
    x = b.transpose(b.input("input_1", [1, 96, 96, 3]), [0, 3, 1, 2], "input_to_nchw")

    def conv_norm(x, channels, kernel, layer, stride=1, group=1, active=True, **keywords):
        if stride == 2:
            x = b.pad_image(x, [0, 0, 1, 1], f"{layer}_pad")
        pad = "valid" if stride == 2 else "same"
        x = b.conv(x, channels, kernel, layer, stride, pad, group, bias=False, **keywords)
        x = b.batch_norm(x, f"{layer}_BN", 1.0 if active else 0.7)
        return b.relu6(x, f"{layer}_relu") if active else x

    x = conv_norm(x, 16, 3, "Conv1", 2, gain=IMAGE)
    for i, (expansion, channels, stride) in enumerate(_inverted_residuals(0.35)):
        layer = f"block_{i}"
        channels_in = b.shapes[x][1]
        hidden = channels_in * expansion
        y = x if expansion == 1 else conv_norm(x, hidden, 1, f"{layer}_expand", gain=LINEAR)
        y = conv_norm(y, hidden, 3, f"{layer}_depthwise", stride, group=hidden)
        y = conv_norm(y, channels, 1, f"{layer}_project", active=False)
        x = b.add(x, y, f"{layer}_add") if stride == 1 and channels_in == channels else y
    x = conv_norm(x, 1280, 1, "Conv_1", gain=LINEAR)
    x = b.global_average(x, "global_average_pooling2d")
    axes = b.constant("model/global_average_pooling2d/axes:0", numpy.array([2, 3], numpy.int64))
    x = b.node("Squeeze", [x, axes], [1, 1280], "global_average_pooling2d")
    b.output(b.softmax(b.dense(x, CLASSES, "predictions", gain=10.0), "predictions"), "predictions")
    return b


def squeezenet11():
    """Fire modules: a squeeze to few channels, then 1x1 and 3x3 expansions side by side."""
    b, x = _torch_classifier("squeezenet11")

    def conv(x, channels, kernel, layer, stride=1, pad=0, **keywords):
        x = b.conv(x, channels, kernel, layer, stride, [pad] * 4, **keywords)
        return b.relu(x, f"{layer}_activation")

    x = conv(x, 64, 3, "features.0", 2, gain=IMAGE)
    fires = {3: 16, 4: 16, 6: 32, 7: 32, 9: 48, 10: 48, 11: 64, 12: 64}
    for i in range(2, 13):
        layer = f"features.{i}"
        if i not in fires:
            x = b.max_pool(x, 3, 2, layer, ceil=True)
            continue
        squeezed = conv(x, fires[i], 1, f"{layer}.squeeze")
        one = conv(squeezed, 4 * fires[i], 1, f"{layer}.expand1x1")
        three = conv(squeezed, 4 * fires[i], 3, f"{layer}.expand3x3", pad=1)
        x = b.concat([one, three], layer)
    x = conv(x, CLASSES, 1, "classifier.1")
    b.output(b.flatten(b.global_average(x, "classifier.3"), "flatten"), "output")
    return b


def _shuffle(b, x, layer):
    """Interleaves the two halves of the channels: reshape, transpose, reshape."""
    _, channels, height, width = b.shapes[x]
    x = b.reshape(x, [1, 2, channels // 2, height, width], f"{layer}.view")
    x = b.transpose(x, [0, 2, 1, 3, 4], f"{layer}.transpose")
    return b.reshape(x, [1, channels, height, width], f"{layer}.view_1")


def shufflenetv2():
    """Width 1.0. Half of the channels pass each unit untouched; shuffles mix the halves."""
    b, x = _torch_classifier("shufflenetv2")

    def conv(x, channels, kernel, layer, index, stride=1, depthwise=False, **keywords):
        group = channels if depthwise else 1
        x = b.conv(x, channels, kernel, f"{layer}.{index}", stride, [kernel // 2] * 4, group,
                   bias=False, norm=1.0, **keywords)
        return x if depthwise else b.relu(x, f"{layer}.{index + 2}")

    def main_branch(x, channels, layer, stride):
        x = conv(x, channels, 1, layer, 0)
        x = conv(x, channels, 3, layer, 3, stride, depthwise=True)
        return conv(x, channels, 1, layer, 5, gain=LINEAR)

    x = conv(x, 24, 3, "conv1", 0, 2, gain=IMAGE)
    x = b.max_pool(x, 3, 2, "maxpool", pads=[1, 1, 1, 1])
    for stage, (channels, units) in enumerate(((116, 4), (232, 8), (464, 4)), start=2):
        half = channels // 2
        for unit in range(units):
            layer = f"stage{stage}.{unit}"
            if unit == 0:
                kept = conv(x, b.shapes[x][1], 3, f"{layer}.branch1", 0, 2, depthwise=True)
                kept = conv(kept, half, 1, f"{layer}.branch1", 2, gain=LINEAR)
                worked = main_branch(x, half, f"{layer}.branch2", 2)
            else:
                halves = b.constant("halves_%d" % half, numpy.array([half, half], numpy.int64))
                shape = [1, half] + b.shapes[x][2:]
                kept, x = b.node("Split", [x, halves], shape, layer, outputs=2, axis=1)
                worked = main_branch(x, half, f"{layer}.branch2", 1)
            x = _shuffle(b, b.concat([kept, worked], layer), layer)
    x = conv(x, 1024, 1, "conv5", 0)
    x = b.node("ReduceMean", [x], [1, 1024], "mean", axes=[2, 3], keepdims=0)
    b.output(b.gemm(x, CLASSES, "fc"), "output")
    return b

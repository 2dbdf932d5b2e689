# The four networks of the MLPerf Tiny benchmark, from the published descriptions of their
# Keras models: keyword spotting (DS-CNN), image classification (ResNet-8), visual wake words
# (MobileNetV1 at a quarter of its width) and anomaly detection (a dense autoencoder).
from .builder import Builder, KerasNames, PyTorchNames

IMAGE = 1.0  # gain of a layer that reads the input itself
CONFIDENT = 10.0  # gain in front of a softmax: averaged features are small, answers should differ


def dscnn_kws():
    """Batch norms folded into the convolutions, as tf2onnx's optimiser leaves them."""
    b = Builder("dscnn_kws", KerasNames, "tf2onnx", norm_statistics_count=True)
    x = b.transpose(b.input("input_1", [1, 49, 10, 1]), [0, 3, 1, 2], "input_to_nchw")
    x = b.relu(b.conv(x, 64, [10, 4], "conv2d", stride=2, gain=IMAGE, norm=1.0), "conv2d")
    for i in range(1, 5):
        depthwise = f"depthwise_conv2d_{i}"
        x = b.relu(b.conv(x, 64, 3, depthwise, group=64, norm=1.0), depthwise)
        x = b.relu(b.conv(x, 64, 1, f"conv2d_{i}", norm=1.0), f"conv2d_{i}")
    x = b.average_pool(x, [25, 5], "average_pooling2d")
    x = b.reshape(x, [1, 64], "flatten")
    b.output(b.softmax(b.dense(x, 12, "dense", gain=CONFIDENT), "dense"), "dense")
    return b


def _conv_norm(b, x, channels, kernel, name, stride=1, scale=1.0, **keywords):
    x = b.conv(x, channels, kernel, f"{name}/conv2d", stride=stride, **keywords)
    return b.batch_norm(x, f"{name}/batch_normalization", scale)


def resnet8():
    """Three residual stacks; batch norms as nodes, and biases in front of them as Keras has."""
    b = Builder("resnet8", KerasNames, "tf2onnx", norm_statistics_count=True)
    x = b.transpose(b.input("input_1", [1, 32, 32, 3]), [0, 3, 1, 2], "input_to_nchw")
    x = b.relu(_conv_norm(b, x, 16, 3, "stem", gain=IMAGE), "stem")
    for stack, channels in enumerate((16, 32, 64), start=1):
        stride = 1 if stack == 1 else 2
        name = f"stack{stack}"
        y = b.relu(_conv_norm(b, x, channels, 3, f"{name}/first", stride), f"{name}/first")
        y = _conv_norm(b, y, channels, 3, f"{name}/second", scale=0.7)
        if stride != 1:
            x = b.conv(x, channels, 1, f"{name}/shortcut/conv2d", stride=stride)
        x = b.relu(b.add(x, y, f"{name}/add"), f"{name}/add")
    x = b.average_pool(x, [8, 8], "average_pooling2d")
    x = b.reshape(x, [1, 64], "flatten")
    b.output(b.softmax(b.dense(x, 10, "dense", gain=CONFIDENT), "dense"), "dense")
    return b


def mobilenetv1_025_96():
    """Batch norms as nodes, and padding left to auto_pad as tf2onnx writes it."""
    b = Builder("mobilenetv1_025_96", KerasNames, "tf2onnx", norm_statistics_count=True)
    x = b.transpose(b.input("input_1", [1, 96, 96, 3]), [0, 3, 1, 2], "input_to_nchw")
    x = b.relu(_conv_norm(b, x, 8, 3, "conv0", 2, gain=IMAGE, pad="auto"), "conv0")
    blocks = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2)]
    blocks += [(128, 1)] * 5 + [(256, 2), (256, 1)]
    for i, (channels, stride) in enumerate(blocks, start=1):
        name = f"depthwise{i}"
        group = b.shapes[x][1]
        x = b.relu(_conv_norm(b, x, group, 3, name, stride, group=group, pad="auto"), name)
        name = f"pointwise{i}"
        x = b.relu(_conv_norm(b, x, channels, 1, name, pad="auto"), name)
    x = b.average_pool(x, [3, 3], "average_pooling2d")
    x = b.reshape(x, [1, 256], "flatten")
    b.output(b.softmax(b.dense(x, 2, "dense", gain=CONFIDENT), "dense"), "dense")
    return b


def autoencoder_640():
    """Dense layers as Gemm and batch norms on rows, as torch.onnx writes Linear, BatchNorm1d."""
    b = Builder("autoencoder_640", PyTorchNames, "pytorch", norm_statistics_count=True)
    x = b.input("input", [1, 640])
    widths = [128, 128, 128, 128, 8, 128, 128, 128, 128]
    for i, features in enumerate(widths):
        gain = IMAGE if i == 0 else 2.0
        x = b.gemm(x, features, f"layers.{i}.linear", gain=gain)
        x = b.relu(b.batch_norm(x, f"layers.{i}.norm"), f"layers.{i}.relu")
    b.output(b.gemm(x, 640, "reconstruction"), "reconstruction")
    return b

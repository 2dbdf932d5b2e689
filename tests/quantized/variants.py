"""Float models with real inputs, and many inputs like them, for measuring what quantising costs.

A few photographs, spoken words and digits are recorded; variants of them - mirrored, moved, mixed,
brighter, noisier - are what a camera or microphone might have given instead.
"""
import numpy

BORDER = 8


def moved(x, down, right):
    padded = numpy.pad(x, ((BORDER, BORDER), (BORDER, BORDER), (0, 0)), mode="edge")
    return numpy.roll(padded, (down, right), (0, 1))[BORDER:-BORDER, BORDER:-BORDER]


def mixed(rng, x, others):
    """Sometimes a little of another input shines through."""
    if rng.random() >= 0.3:
        return x
    share = rng.uniform(0, 0.3)
    return (1 - share) * x + share * others[rng.integers(len(others))]


def photograph(rng, recorded, white=1.0):
    x = recorded[rng.integers(len(recorded))]
    x = x[:, ::-1] if rng.random() < 0.5 else x
    x = mixed(rng, moved(x, *rng.integers(-4, 5, 2)), recorded)
    x = (x - x.mean()) * rng.uniform(0.7, 1.2) + x.mean() + rng.uniform(-0.1, 0.1) * white
    return numpy.clip(x + rng.normal(0, 0.01 * white, x.shape), 0, white)


def digit(rng, recorded):
    x = moved(recorded[rng.integers(len(recorded))], *rng.integers(-3, 4, 2))
    slant = rng.uniform(-0.2, 0.2)
    rows = [numpy.roll(row, round(slant * (i - 14)), 0) for i, row in enumerate(x)]
    return numpy.clip(numpy.stack(rows) * rng.uniform(0.6, 1), 0, 255)


def spoken(rng, recorded):
    x = numpy.roll(recorded[rng.integers(len(recorded))], rng.integers(-5, 6), 0)
    x = mixed(rng, x, recorded) + rng.normal(0, 0.5, x.shape)
    x[:, 0] += rng.normal(0, 2)  # the first coefficient is the loudness
    return x


def enlarged(x, size):
    """Bilinear; 32 x 32 photographs for a network that wants more of them."""
    side = x.shape[0]
    place = numpy.clip((numpy.arange(size) + 0.5) * side / size - 0.5, 0, side - 1)
    low = numpy.floor(place).astype(int)
    high, part = numpy.minimum(low + 1, side - 1), place - low
    rows = x[low] * (1 - part)[:, None, None] + x[high] * part[:, None, None]
    return rows[:, low] * (1 - part)[None, :, None] + rows[:, high] * part[None, :, None]


def read(data, pattern, numbers):
    arrays = [numpy.load(data / pattern.format(i)) for i in numbers]
    return numpy.concatenate(arrays).astype(numpy.float32)


class Source:
    """A float model, its recorded inputs (channels last, where there are channels) and variants."""

    def __init__(self, model, name, recorded, variant, channels_first=False):
        self.model, self.name, self.recorded = model, name, recorded
        self.variant, self.channels_first = variant, channels_first

    def shaped(self, samples):
        """A batch as the model takes it, one sample after the other."""
        samples = numpy.stack(list(samples)).astype(numpy.float32)
        if self.channels_first:
            samples = samples.transpose(0, 3, 1, 2)
        return numpy.ascontiguousarray(samples)[:, None]

    def variants(self, count, seed):
        rng = numpy.random.default_rng(seed)
        return self.shaped(self.variant(rng, self.recorded) for _ in range(count))


def sources(data):
    """Every source by name, from the folder of recorded models."""
    words = (read(data, "tflite/mlperf_kws/real_{}/input_0.npy", range(10)) - 87) * 0.5748363733291626
    photographs = read(data, "tflite/mlperf_resnet8/real_{}/input_0.npy", range(10)) + 128
    others = read(data, "tflite/cifar10_mlonmcu/real_{}/input_0.npy", range(5))
    digits = read(data, "onnx/mnist8_cntk/{}/Input3.npy", ["inputs", "inputs_1", "inputs_2"])
    large = numpy.stack([enlarged(x, 96) for x in [*photographs / 255, *others]])
    return {
        "kws": Source(data / "tflite/mlperf_kws_fp32/model.tflite", "input_1", words, spoken),
        "resnet8": Source(data / "tflite/mlperf_resnet8_fp32/model.tflite", "input_1", photographs,
                          lambda rng, recorded: photograph(rng, recorded, 255)),
        "mnist8": Source(data / "onnx/mnist8_cntk/model.onnx", "Input3",
                         digits.transpose(0, 2, 3, 1), digit, channels_first=True),
        "cifar_cnn": Source(data / "tflite/cifar10_mlonmcu/model.tflite", "input_1", others, photograph),
        "vww": Source(data / "onnx/mlperf_vww_fp16/model.onnx", "serving_default_input_1:0", large,
                      photograph),
    }

#!/usr/bin/python3
# Writes the example models as ONNX files, and inputs for them.
#
# The structures are those of the papers, the weights are seeded (scripts/models/weights.py), so
# nothing needs to be downloaded and every machine gets the same bytes. Needs Debian's
# python3-onnx and python3-numpy; hence the system's python3 above and not just any.
import argparse
import pathlib
import sys
import zlib

import numpy

from models import imagenet, pump, tiny

# Name -> what makes it, and its number of parameters as published (None: no publication).
MODELS = {
    "pump_predictive": (pump.pump_predictive, None),
    "dscnn_kws": (tiny.dscnn_kws, 24908),
    "resnet8": (tiny.resnet8, 78666),
    "mobilenetv1_025_96": (tiny.mobilenetv1_025_96, 221794),
    "autoencoder_640": (tiny.autoencoder_640, 269992),
    "mobilenetv2": (imagenet.mobilenetv2, 3504872),
    "mobilenetv2_035_96": (imagenet.mobilenetv2_035_96, None),
    "resnet18": (imagenet.resnet18, 11689512),
    "squeezenet11": (imagenet.squeezenet11, 1235496),
    "shufflenetv2": (imagenet.shufflenetv2, 2278604),
}


def build(name):
    function, published = MODELS[name]
    builder = function()
    if published is not None and builder.parameters != published:
        raise SystemExit(
            f"make_models: {name} has {builder.parameters} parameters instead of the {published} "
            "of its publication; its structure in scripts/models is wrong"
        )
    return builder


def inputs_of(builder):
    """Values of mean 0 and variance 1, by input name."""
    random = numpy.random.RandomState(zlib.crc32((builder.name + " inputs").encode()))
    made = {}
    for tensor in builder.inputs:
        drawn = random.randint(-(1 << 20), (1 << 20) + 1, size=builder.shapes[tensor.name])
        made[tensor.name] = (drawn * (3.0**0.5 / (1 << 20))).astype(numpy.float32)
    return made


def list_models():
    print(f"{'name':20} {'nodes':>5} {'parameters':>10} {'MACs':>10}  inputs -> outputs")
    for name in MODELS:
        builder = build(name)
        inputs = ", ".join(f"{t.name}{builder.shapes[t.name]}" for t in builder.inputs)
        outputs = ", ".join(f"{t.name}{builder.shapes[t.name]}" for t in builder.outputs)
        counts = f"{len(builder.nodes):5} {builder.parameters:10} {builder.macs:10}"
        print(f"{name:20} {counts}  {inputs} -> {outputs}")


def write(name, folder, with_inputs):
    """Writes under a temporary name first: an interrupted run leaves no half model behind."""
    builder = build(name)
    target = folder / f"{name}.onnx"
    partial = folder / f"{name}.onnx.part"
    partial.write_bytes(builder.model().SerializeToString())
    partial.replace(target)
    print(f"{target}: {target.stat().st_size} bytes, {builder.parameters} parameters")
    if with_inputs:
        # numpy stores the arrays in this order, uncompressed and without the time of day.
        numpy.savez(folder / f"{name}.npz", **inputs_of(builder))


def main():
    parser = argparse.ArgumentParser(description="Writes the example models as ONNX files.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="models to make (default: all)")
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="folder to write to")
    parser.add_argument("--inputs", action="store_true", help="also write NAME.npz, inputs by name")
    parser.add_argument("--list", action="store_true", help="list the models and leave")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in MODELS]
    if unknown:
        parser.error(f"no model named {', '.join(unknown)}; there are {', '.join(MODELS)}")
    if options.list:
        return list_models()
    if options.out is None:
        parser.error("say where to write: --out DIR")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or MODELS:
        write(name, options.out, options.inputs)


if __name__ == "__main__":
    sys.exit(main())

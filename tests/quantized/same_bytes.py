#!/usr/bin/python3
"""Integer models give the same bytes wherever they run: in the interpreter, and as C by gcc and
clang, optimised or not, for this machine or any, and on RV32 with and without an FPU.

usage: same_bytes.py [--few] MLFC FOLDER MODEL...

With --few only on machines that share nothing: one for each compiler, processor and way of computing.

Inputs are random and seeded; what the first compiler makes of them is what everybody must say, to
the last bit of an output that is real. Only where an ONNX model ends in a softmax or sigmoid of reals,
which C libraries compute differently in their last bit, is that one held to 1e-6, and the integers
before it, which become an output as well, to the last bit. A compiler or an emulator that is not there
is left out, and said so.
"""
import json
import os
import platform
import shutil
import subprocess
import sys

import numpy as np



def has_avx2():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        return " avx2 " in info.read()


DTYPES = {"float32": np.float32, "int8": np.int8, "uint8": np.uint8, "int16": np.int16,
          "int32": np.int32, "int64": np.int64}
BOARD = ["--device", "qemu-riscv32"]
FIRST = ["--cc", "gcc", "--cc-flags", "-O0"]
HOST = [
    ("interpreter", ["--device", "interpreter"]),
    ("gcc -O0", FIRST),
    ("gcc -O3 -march=native", ["--cc", "gcc", "--cc-flags", "-O3 -march=native"]),
    ("gcc -O2, no intrinsics", ["--cc", "gcc", "--cc-flags", "-O2 -U__SSE2__ -U__AVX2__ "
                                "-U__AVXVNNI__ -U__AVX512VNNI__"]),
]
if platform.machine() == "x86_64":
    HOST += [(f"gcc -O3 -march={march}", ["--cc", "gcc", "--cc-flags", f"-O3 -march={march}"])
             for march in ("x86-64", "haswell") if march == "x86-64" or has_avx2()]
FEW = ["interpreter", "gcc -O0", "gcc -O3 -march=native", "RV32 with an FPU", "RV32 without an FPU"]
CLANG = ["clang", "clang-14"]
RISCV = [
    ("RV32 with an FPU", BOARD + ["--target", "c"]),
    ("RV32 with an FPU, scheduled for it", BOARD + ["--target", "c -march=rv32imafdc"]),
    ("RV32 without an FPU", BOARD + ["--target", "c -march=rv32imac", "--cc-flags",
                                     "-march=rv32imac -mabi=ilp32"]),
]


def command(mlfc, *words):
    return subprocess.run([mlfc, *words], capture_output=True, text=True, check=False)


def random_input(generator, tensor):
    if tensor["dtype"] == "bool":
        return generator.integers(0, 2, tensor["shape"]).astype(bool)
    dtype = DTYPES[tensor["dtype"]]
    if np.issubdtype(dtype, np.floating):
        return generator.standard_normal(tensor["shape"]).astype(dtype)
    limits = np.iinfo(dtype)
    return generator.integers(limits.min, limits.max, tensor["shape"], dtype, endpoint=True)


def record(mlfc, model, folder, *options):
    """What the first compiler makes of a case's inputs becomes its expected outputs."""
    found = command(mlfc, "run", folder + "/model" + os.path.splitext(model)[1], "--inputs", folder + "/inputs", "--outputs",
                    folder + "/outputs", *FIRST, *options)
    if found.returncode != 0:
        sys.exit(f"{model}: {found.stderr}")


def with_integers(path):
    """A model that ends in functions of a C library, with its last integers as one more output;
    None of other models."""
    import onnx
    from runs import exposed, numbered
    model = onnx.load(path)
    if not any(node.op_type in ("Softmax", "Sigmoid") for node in model.graph.node):
        return None
    if all(output.type.tensor_type.elem_type != onnx.TensorProto.FLOAT
           for output in model.graph.output):
        return None
    model, stored = numbered(model)
    return exposed(model, stored[-1:])


def make_case(mlfc, model, folder):
    """The tolerance of its reals."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder + "/inputs")
    os.makedirs(folder + "/outputs")
    copy = os.path.join(folder, "model" + os.path.splitext(model)[1])
    shutil.copy(model, copy)
    changed = with_integers(model) if model.endswith(".onnx") else None
    if changed is not None:
        import onnx
        onnx.save(changed, copy)
    report = json.loads(command(mlfc, "inspect", "--json", model).stdout)
    generator = np.random.default_rng(5)
    for i, tensor in enumerate(report["inputs"]):
        np.save(f"{folder}/inputs/input_{i}.npy", random_input(generator, tensor))
    # Of integers of 16 bits that allows none to differ.
    return "0" if changed is None else "1e-6"


def machines(few):
    usual = [row for row in HOST if not few or row[0] in FEW]
    clang = next((name for name in CLANG if shutil.which(name)), None)
    if clang:
        usual += [(f"{clang} -O2", ["--cc", clang, "--cc-flags", "-O2"])]
    else:
        print("no clang here: left out")
    if shutil.which("qemu-system-riscv32") and shutil.which("riscv64-unknown-elf-gcc"):
        usual += [row for row in RISCV if not few or row[0] in FEW]
    else:
        print("no RISC-V toolchain or emulator here: left out")
    return usual


def main():
    words = [word for word in sys.argv[1:] if word != "--few"]
    mlfc, folder, models = words[0], words[1], words[2:]
    elsewhere = machines("--few" in sys.argv)
    failures = 0
    for model in models:
        case = os.path.join(folder, os.path.basename(os.path.dirname(model)) + "_" +
                            os.path.splitext(os.path.basename(model))[0])
        rtol = make_case(mlfc, model, case)
        # Other numbers, but again the same everywhere; TFLite's are fixed in any case.
        for requantize in ("fixed",) if model.endswith(".tflite") else ("real", "fixed"):
            record(mlfc, model, case, "--requantize", requantize)
            for name, options in elsewhere:
                result = command(mlfc, "validate", "--rtol", rtol, "--atol", "0", "--requantize",
                                 requantize, *options, case)
                verdict = "same" if result.returncode == 0 else "DIFFERS"
                failures += result.returncode != 0
                print(f"{verdict:8} {os.path.basename(case)}, {requantize}: {name}", flush=True)
                if result.returncode != 0:
                    print("   ", (result.stdout + result.stderr).strip().splitlines()[0])
    sys.exit(failures != 0)


if __name__ == "__main__":
    main()

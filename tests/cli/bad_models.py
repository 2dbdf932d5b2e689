#!/usr/bin/python3
"""Compiles models that cannot be right, and models with awkward names that are.

bad_models.py MLFC WORK_FOLDER

Every bad one must end with exit code 4, exactly one line that begins with `Error:`, holds the words
of the table below, and leaves no file behind. Every awkward name must compile as strict C99 and run.
"""
import os
import pathlib
import shutil
import subprocess
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


def ones(*shape):
    return numpy.ones(shape, numpy.float32)


def tensor(values, name="w", **fields):
    """A tensor whose fields are then made wrong."""
    proto = numpy_helper.from_array(numpy.array(values), name)
    for field, value in fields.items():
        if field == "dims":
            del proto.dims[:]
            proto.dims.extend(value)
        else:
            setattr(proto, field, value)
    return proto


def external(location, **entries):
    proto = TensorProto(name="w", data_type=FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **entries}.items():
        proto.external_data.add(key=key, value=value)
    return proto


def model(nodes, x=(1, 4), weights=(), outputs=("y",), opset=17, dtype=FLOAT):
    """Of one input x; weights are (name, array) or tensors."""
    weights = [w if isinstance(w, TensorProto) else numpy_helper.from_array(w[1], w[0])
               for w in weights]
    graph = helper.make_graph(
        nodes, "graph", [helper.make_tensor_value_info("x", dtype, x)],
        [helper.make_tensor_value_info(name, dtype, None) for name in outputs], weights)
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    whole.ir_version = 8
    return whole.SerializeToString()


def one(operator, x=(1, 4), w=None, inputs=("x", "w"), weights=(), **attributes):
    """A model of one node, named 'here'."""
    given = [("w", w)] if w is not None else []
    names = [name for name in inputs if name == "x" or name != "w" or w is not None]
    node = helper.make_node(operator, names, ["y"], name="here", **attributes)
    return model([node], x, given + list(weights))


def add(w):
    return model([helper.make_node("Add", ["x", "w"], ["y"])], weights=[w])


def conv(**attributes):
    return one("Conv", (1, 3, 8, 8), ones(8, 3, 3, 3), **attributes)


RELU = helper.make_node("Relu", ["x"], ["y"])
WHOLE = model([RELU])
HUGE = 2**40

# name, model, words of the message
BAD = [
    ("empty", b"", "is empty"),
    ("text", b"hello\n", "is not an ONNX model"),
    ("noise", numpy.random.RandomState(0).bytes(5000), "is not an ONNX model"),
    ("truncated", WHOLE[: len(WHOLE) // 2], "is not an ONNX model"),
    ("cut_by_one", WHOLE[:-1], "is not an ONNX model"),
    ("cycle", model([helper.make_node("Add", ["x", "b"], ["a"]),
                     helper.make_node("Relu", ["a"], ["b"])], outputs=["b"]), "cyclic"),
    ("own_output", model([helper.make_node("Add", ["x", "y"], ["y"])]), "reads its own output"),
    ("no_initialiser", one("Add", inputs=("x", "nowhere")), "reads 'nowhere'"),
    ("no_output", model([RELU], outputs=["z"]), "nothing computes the graph's output 'z'"),
    ("twice", model([RELU, RELU]), "already defined"),
    ("conv_vector", one("Conv", (1, 3, 8, 8), ones(8)), "node 'here' (conv): w must have"),
    ("conv_scalar", one("Conv", (1, 3, 8, 8), ones()), "node 'here' (conv): w must have"),
    ("conv_matrix", one("Conv", (3, 8), ones(8, 3)), "at least 3 dimensions"),
    ("conv_channels", one("Conv", (1, 4, 8, 8), ones(8, 3, 3, 3)), "expects 3 input channels"),
    ("conv_groups", conv(group=2), "check 'group'"),
    ("conv_no_groups", conv(group=0), "check 'group'"),
    ("conv_stride", conv(strides=[0, 0]), "'strides' holds 0"),
    ("conv_backwards", conv(strides=[-1, 1]), "'strides' holds -1"),
    ("conv_dilation", conv(dilations=[0, 1]), "'dilations' holds 0"),
    ("conv_few_pads", conv(pads=[1, 1]), "'pads' has 2 entries"),
    ("conv_pads", conv(pads=[HUGE] * 4), "too large"),
    ("conv_window", one("Conv", (1, 3, 2, 2), ones(8, 3, 3, 3)), "does not fit"),
    ("pool_stride", one("MaxPool", (1, 3, 8, 8), kernel_shape=[2, 2], strides=[0, 0]),
     "'strides' holds 0"),
    ("pool_empty", one("AveragePool", (1, 3, 8, 8), kernel_shape=[0, 0]), "window of 0"),
    ("pool_nothing", one("MaxPool", (1, 3, 8, 8)), "'kernel_shape' is missing"),
    ("gemm_scalar", one("Gemm", (1, 3), ones()), "node 'here' (gemm): a and b must be matrices"),
    ("gemm_vector", one("Gemm", (3,), ones(3, 3)), "must be matrices"),
    ("matmul_inner", one("MatMul", (2, 3), ones(4, 3)), "last dimension of a (3)"),
    ("matmul_scalar", one("MatMul", (2, 3), ones()), "at least one dimension"),
    ("negative_input", model([RELU], (-1, 4)), '--input-shapes "x:[1,4]"'),
    ("negative_weight", add(tensor(ones(4), dims=[-4])), "negative dimension -4"),
    ("huge_input", model([RELU], (HUGE, HUGE)), "input 'x': its shape"),
    ("huge_weight", add(tensor(ones(4), dims=[HUGE, HUGE])), "more than 2^31 elements"),
    ("huge_result", one("MatMul", (2**20, 1), ones(1, 2**12)), "node 'here' (matmul): its result"),
    ("huge_copies", one("Tile", weights=[("r", numpy.array([1, 2**60]))], inputs=("x", "r")),
     "node 'here' (tile)"),
    ("short_data", add(tensor(ones(4), raw_data=bytes(7))), "has 7 bytes of raw_data"),
    ("long_data", add(tensor(ones(4), raw_data=bytes(18))), "has 18 bytes of raw_data"),
    ("int4_data", add(tensor(ones(4), data_type=22)), "INT4 (22)[4] needs 2"),
    ("complex_data", add(tensor(ones(4), data_type=14)), "COMPLEX64 (14) is not supported"),
    ("unknown_data", add(tensor(ones(4), data_type=99)), "element type number 99"),
    ("passwords", add(external("../../etc/passwd")), "leaves the model's folder"),
    ("absolute", add(external("/etc/passwd")), "is absolute"),
    ("link", add(external("link.bin")), "symbolic link"),
    ("absent", add(external("absent.bin")), "cannot open external data 'absent.bin'"),
    ("pipe", add(external("pipe.bin")), "not a regular file"),
    ("short_file", add(external("short.bin")), "has 8 bytes; 16 bytes"),
    ("bad_offset", add(external("short.bin", offset="-4")), "not a byte count"),
    ("old", model([RELU], opset=6), "opset 6 is too old"),
    ("types", one("Add", w=numpy.ones(4, numpy.int32)), "insert a Cast"),
    ("shapes", one("Add", w=ones(3)), "do not broadcast"),
    ("axis", one("Softmax", axis=7), "axis 7 does not exist"),
    ("index", one("Gather", weights=[("i", numpy.array([9]))], inputs=("x", "i")),
     "index 9 is outside"),
    ("permutation", one("Transpose", perm=[0, 0]), "axis 0 is listed twice"),
    ("elements", one("Reshape", weights=[("s", numpy.array([3, -1]))], inputs=("x", "s")),
     "cannot be reshaped"),
]

NAMES = ["x*/ int evil; /*", "int", "0", "a b", "\u00fc", "x\n#error", '"', "%s%n", "y??/",
         "__func__", "main", "NULL", "struct", "_", "default", "tvmgen_default_run", "TVM_DLL",
         "expf", "uint8_t", "bool", "inputs", "outputs", "workspace", "output", "assert", "linux"]
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wvla",
          "-Werror", "-c", "-o", "object.o", "-Iarchive/runtime/include",
          "-Iarchive/codegen/host/include"]


def named(name, other="other"):
    """Inputs, outputs, nodes and values of that name; sizes differ, so that macros must, too."""
    nodes = [helper.make_node("ReduceSum", [name], ["sum"], keepdims=0, name=name),
             helper.make_node("Add", [other, "sum"], [name + "t"], name=name),
             helper.make_node("Exp", [name + "t"], [name + "y"])]
    graph = helper.make_graph(
        nodes, name, [helper.make_tensor_value_info(name, FLOAT, [2, 4]),
                      helper.make_tensor_value_info(other, FLOAT, [3])],
        [helper.make_tensor_value_info(name + "y", FLOAT, None)])
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    whole.ir_version = 8
    return whole.SerializeToString()


def compile_model(mlfc, data):
    pathlib.Path("model.onnx").write_bytes(data)
    pathlib.Path("model.tar").unlink(missing_ok=True)
    return subprocess.run(
        [mlfc, "compile", "model.onnx", "-o", "model.tar", "--executor-aot-interface-api=c",
         "--executor-aot-unpacked-api=1"], capture_output=True, text=True, timeout=60)


def problem_of_bad(mlfc, data, words):
    before = set(os.listdir())
    result = compile_model(mlfc, data)
    lines = result.stderr.splitlines()
    if result.returncode != 4:
        return f"exit code {result.returncode}"
    if result.stdout or len(lines) != 1 or not lines[0].startswith("Error: "):
        return "not one line of error"
    if words not in lines[0]:
        return f"'{words}' is missing"
    left = set(os.listdir()) - before - {"model.onnx"}
    return f"left {left}" if left else None


def problem_of_name(mlfc, data):
    result = compile_model(mlfc, data)
    if result.returncode != 0:
        return result.stderr
    shutil.rmtree("archive", ignore_errors=True)
    shutil.unpack_archive("model.tar", "archive")
    for source in pathlib.Path("archive/codegen/host/src").glob("*.c"):
        for cc in filter(shutil.which, ["gcc", "clang"]):
            built = subprocess.run([cc, *STRICT, str(source)], capture_output=True, text=True)
            if built.returncode != 0:
                return built.stderr
    run = subprocess.run([mlfc, "run", "model.tar"], capture_output=True, text=True)
    return run.stderr if run.returncode != 0 else None


def main():
    mlfc, work = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    os.chdir(work)
    pathlib.Path("short.bin").write_bytes(bytes(8))
    os.symlink("/etc/passwd", "link.bin")
    os.mkfifo("pipe.bin")
    problems = [(name, problem_of_bad(mlfc, data, words)) for name, data, words in BAD]
    clash = named("a.b", "a_b")
    problems.append(("clash", problem_of_bad(mlfc, clash, "both become 'a_b' in C")))
    problems.append(("nameless", problem_of_bad(mlfc, named(""), "an input has no name")))
    problems += [(name, problem_of_name(mlfc, named(name))) for name in NAMES]
    bad = [(name, problem) for name, problem in problems if problem is not None]
    for name, problem in bad:
        print(f"FAILED {name!r}: {problem}")
    print(f"{len(problems)} models, {len(bad)} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Reads an archive with Python's tarfile, json and regular expressions, as benchmarks do.

read_archive.py ARCHIVE WORKSPACE_SIZE - the size that the header's macro promises.
"""
import json
import re
import sys
import tarfile


def main(path, workspace_size):
    with tarfile.open(path, "r:") as archive:
        names = archive.getnames()
        metadata = json.load(archive.extractfile("./metadata.json"))
        relay = archive.extractfile("./src/default.relay").read().decode()
        params = archive.extractfile("./parameters/default.params").read()
    assert names[0] == ".", names[0]
    assert all(name == "." or name.startswith("./") for name in names)
    assert len(set(names)) == len(names)
    assert params == bytes.fromhex("b79c04054f8de5f7") + bytes(24)

    module = metadata["modules"]["default"]
    assert module["style"] == "full-model"
    assert module["executors"] == ["aot"]
    memory = module["memory"]["functions"]["main"][0]
    assert memory["workspace_size_bytes"] == int(workspace_size)
    assert memory["io_size_bytes"] == 16 + 12 + 16 + 4
    assert memory["constants_size_bytes"] > 0
    assert list(memory["outputs"]) == ["output0", "output1"]
    assert memory["inputs"]["aux/0"] == {"dtype": "float32", "size": 12}

    lines = [line for line in relay.splitlines() if "def @main(" in line]
    assert len(lines) == 1
    inputs, outputs = lines[0].split("-> ")
    found = re.findall(r"%([A-Za-z0-9_]+): Tensor\[\(([0-9, ]*)\), ([a-z0-9]+)\]", inputs)
    assert found == [("x", "1, 4", "float32"), ("aux_0", "3", "float32")], found
    found = re.findall(r"Tensor\[\(([0-9, ]*)\), ([a-z0-9]+)\]", outputs.split(" {")[0])
    assert found == [("1, 4", "float32"), ("1", "float32")], found
    names = re.search(r"output_tensor_names=\[([^\]]*)\]", inputs).group(1)
    assert names == '"output0", "output1"', names


main(*sys.argv[1:])

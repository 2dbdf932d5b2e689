#!/usr/bin/python3
"""Calls a model in a shared object through ctypes, as applications on a host do.

call_shared_object.py LIBRARY.so - of the model that make_model.py writes.
"""
import ctypes
import sys


class Pointers(ctypes.Structure):
    """Both structs of the C interface: two pointers, in the model's order."""

    _fields_ = [("first", ctypes.c_void_p), ("second", ctypes.c_void_p)]


def pointers(first, second):
    return Pointers(ctypes.addressof(first), ctypes.addressof(second))


def main(path):
    run = ctypes.CDLL(path).tvmgen_default_run
    run.restype = ctypes.c_int32
    x, aux = (ctypes.c_float * 4)(1, 2, 3, 4), (ctypes.c_float * 3)(0.25, 0.5, 8)
    y, z = (ctypes.c_float * 4)(), (ctypes.c_float * 1)()
    inputs, outputs = pointers(x, aux), pointers(y, z)
    assert run(ctypes.byref(inputs), ctypes.byref(outputs)) == 0
    expected = [3, 2, 10.5, 8, 8.75]
    assert all(abs(a - b) < 1e-4 for a, b in zip([*y, *z], expected)), [*y, *z]
    print("ok")


main(sys.argv[1])

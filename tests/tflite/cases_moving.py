"""Operators that move elements: shapes, slices, padding, resizing."""
import numpy as np

from cases import Case, booleans, feed, i32, integers, operator, reals

f32 = np.float32


def shape_cases():
    return [
        operator("reshape", "RESHAPE", [reals(2, 6), i32(3, -1)], lambda x, s: x.reshape(3, 4),
                 ("ReshapeOptions", {"new_shape": [3, -1]})),
        operator("reshape_by_option", "RESHAPE", [reals(2, 6)], lambda x: x.reshape(4, 3),
                 ("ReshapeOptions", {"new_shape": [4, 3]})),
        operator("squeeze", "SQUEEZE", [reals(1, 3, 1, 4)], lambda x: x.reshape(3, 4),
                 ("SqueezeOptions", {})),
        operator("squeeze_one", "SQUEEZE", [reals(1, 3, 1, 4)], lambda x: x.reshape(1, 3, 4),
                 ("SqueezeOptions", {"squeeze_dims": [-2]})),
        operator("expand_dims", "EXPAND_DIMS", [reals(3, 4), np.int32(-1)],
                 lambda x, axis: x[..., None], ("ExpandDimsOptions", {})),
        operator("transpose", "TRANSPOSE", [reals(2, 3, 4), i32(2, 0, 1)],
                 lambda x, p: x.transpose(2, 0, 1), ("TransposeOptions", {})),
        operator("shape", "SHAPE", [reals(2, 3, 4)], lambda x: i32(2, 3, 4),
                 ("ShapeOptions", {"out_type": "INT32"})),
        operator("rank", "RANK", [reals(2, 3, 4)], lambda x: np.int32(3), ("RankOptions", {})),
        operator("concatenation", "CONCATENATION", [reals(2, 3, 1), reals(2, 3, 4)],
                 lambda a, b: np.maximum(np.concatenate([a, b], axis=-1), 0),
                 ("ConcatenationOptions", {"axis": -1, "fused_activation_function": "RELU"})),
        operator("pack", "PACK", [reals(2, 3), reals(2, 3)], lambda a, b: np.stack([a, b], 1),
                 ("PackOptions", {"values_count": 2, "axis": 1})),
        operator("unpack", "UNPACK", [reals(2, 3, 2)],
                 lambda x: [x[:, i].copy() for i in range(3)],
                 ("UnpackOptions", {"num": 3, "axis": 1})),
        operator("split", "SPLIT", [np.int32(1), reals(2, 6)],
                 lambda axis, x: [p.copy() for p in np.split(x, 3, axis=1)],
                 ("SplitOptions", {"num_splits": 3})),
        operator("split_v", "SPLIT_V", [reals(2, 6), i32(1, -1, 2), np.int32(-1)],
                 lambda x, n, axis: [x[:, :1].copy(), x[:, 1:4].copy(), x[:, 4:].copy()],
                 ("SplitVOptions", {"num_splits": 3})),
        operator("tile", "TILE", [reals(2, 3), i32(2, 3)], lambda x, n: np.tile(x, (2, 3)),
                 ("TileOptions", {})),
        operator("broadcast_to", "BROADCAST_TO", [reals(3, 1), i32(2, 3, 4)],
                 lambda x, s: np.broadcast_to(x, (2, 3, 4)).copy(), ("BroadcastToOptions", {})),
        operator("broadcast_args", "BROADCAST_ARGS", [i32(3, 1), i32(2, 1, 4)],
                 lambda a, b: i32(2, 3, 4)),
        operator("fill", "FILL", [i32(2, 3), feed(f32(1.5))],
                 lambda s, v: np.full((2, 3), v, f32), ("FillOptions", {})),
        operator("zeros_like", "ZEROS_LIKE", [reals(2, 3)], np.zeros_like,
                 ("ZerosLikeOptions", {})),
        operator("range", "RANGE", [np.int32(2), np.int32(11), np.int32(3)],
                 lambda a, b, c: i32(2, 5, 8), ("RangeOptions", {})),
        operator("one_hot", "ONE_HOT", [integers(0, 4, (3,)), np.int32(4), f32(2), f32(-1)],
                 lambda i, n, on, off: np.where(np.arange(4) == i[:, None], on, off).astype(f32),
                 ("OneHotOptions", {"axis": -1})),
    ]


# --- taking out and putting in ------------------------------------------------------------------

def strided(name, shape, begin, end, strides, take, **masks):
    return operator("strided_slice_" + name, "STRIDED_SLICE",
                    [reals(*shape), i32(*begin), i32(*end), i32(*strides)],
                    lambda x, b, e, s: x[take].copy(), ("StridedSliceOptions", masks))


def reversed_sequences(x, lengths):
    y = x.copy()
    for b, n in enumerate(lengths):
        y[b, :n] = x[b, :n][::-1]
    return y


def updated(x, u, start):
    y = x.copy()
    start = [min(max(s, 0), d - e) for s, d, e in zip(start, x.shape, u.shape)]
    y[tuple(slice(s, s + e) for s, e in zip(start, u.shape))] = u
    return y


def batched_gather(x, i):
    """x [2, 3, 4, 5] by i [2, 3, 2] along axis 3 with one batch dimension."""
    return np.stack([x[b][:, :, i[b]] for b in range(x.shape[0])])


def slicing_cases():
    s_ = np.s_
    return [
        operator("slice", "SLICE", [reals(4, 5), i32(1, 2), i32(-1, 2)],
                 lambda x, b, n: x[1:, 2:4].copy(), ("SliceOptions", {})),
        strided("plain", (4, 6), (1, 0), (4, 6), (1, 2), s_[1:4, 0:6:2]),
        strided("backwards", (4, 6), (3, -1), (0, -7), (-1, -2), s_[3:0:-1, ::-2]),
        strided("masks", (4, 6), (9, 2), (9, 9), (1, 1), s_[:, 2:], begin_mask=1, end_mask=3),
        strided("shrink", (4, 6), (-1, 1), (0, 3), (1, 1), s_[-1, 1:3], shrink_axis_mask=1),
        strided("ellipsis", (2, 3, 4), (0, 1), (0, 3), (1, 1), s_[..., 1:3], ellipsis_mask=1),
        strided("new_axis", (3, 4), (0, 1), (0, 3), (1, 1), s_[None, 1:3], new_axis_mask=1),
        operator("gather", "GATHER", [reals(4, 5), integers(0, 5, (2, 3))],
                 lambda x, i: x[:, i], ("GatherOptions", {"axis": 1})),
        operator("gather_batched", "GATHER", [reals(2, 3, 4, 5), integers(0, 5, (2, 3))],
                 batched_gather, ("GatherOptions", {"axis": 3, "batch_dims": 1})),
        operator("gather_nd", "GATHER_ND", [reals(4, 5, 2), integers(0, 4, (3, 2))],
                 lambda x, i: x[i[:, 0], i[:, 1]], ("GatherNdOptions", {})),
        operator("embedding_lookup", "EMBEDDING_LOOKUP", [integers(0, 6, (4,)), reals(6, 3)],
                 lambda i, x: x[i]),
        operator("scatter_nd", "SCATTER_ND", [i32([2], [0], [2]), reals(3, 2), i32(4, 2)],
                 lambda i, u, s: np.stack([u[1], np.zeros(2, f32), u[0] + u[2],
                                           np.zeros(2, f32)]), ("ScatterNdOptions", {})),
        operator("dynamic_update_slice", "DYNAMIC_UPDATE_SLICE",
                 [reals(4, 5), reals(2, 3), feed(i32(3, 1))], updated),
        operator("reverse", "REVERSE_V2", [reals(3, 4), i32(1)], lambda x, a: x[:, ::-1].copy(),
                 ("ReverseV2Options", {})),
        operator("reverse_sequence", "REVERSE_SEQUENCE", [reals(3, 4, 2), i32(4, 2, 1)],
                 reversed_sequences, ("ReverseSequenceOptions", {"seq_dim": 1, "batch_dim": 0})),
    ]


# --- images -------------------------------------------------------------------------------------

def space_to_depth(x, n):
    b, h, w, c = x.shape
    return (x.reshape(b, h // n, n, w // n, n, c).transpose(0, 1, 3, 2, 4, 5)
            .reshape(b, h // n, w // n, n * n * c))


def depth_to_space(x, n):
    b, h, w, c = x.shape
    return (x.reshape(b, h, w, n, n, c // (n * n)).transpose(0, 1, 3, 2, 4, 5)
            .reshape(b, h * n, w * n, c // (n * n)))


def space_to_batch(x, block, pads):
    x = np.pad(x, [(0, 0)] + [tuple(p) for p in pads] + [(0, 0)])
    parts = [x[:, i::block[0], j::block[1]] for i in range(block[0]) for j in range(block[1])]
    return np.concatenate(parts)


def batch_to_space(x, block, crops):
    n = x.shape[0] // (block[0] * block[1])
    y = np.zeros((n, x.shape[1] * block[0], x.shape[2] * block[1], x.shape[3]), x.dtype)
    for i in range(block[0]):
        for j in range(block[1]):
            part = i * block[1] + j
            y[:, i::block[0], j::block[1]] = x[part * n:(part + 1) * n]
    return y[:, crops[0][0]:y.shape[1] - crops[0][1], crops[1][0]:y.shape[2] - crops[1][1]]


def places(size, wanted, aligned, centred):
    scale = (size - 1) / (wanted - 1) if aligned and wanted > 1 else size / wanted
    at = np.arange(wanted)
    return (at + 0.5) * scale - 0.5 if centred else at * scale


def nearest(x, size, aligned=False, centred=False):
    index = []
    for axis, wanted in ((1, size[0]), (2, size[1])):
        at = places(x.shape[axis], wanted, aligned, False)
        scale = x.shape[axis] / wanted
        if aligned:
            at = np.floor(at + 0.5)
        elif centred:
            at = np.floor((np.arange(wanted) + 0.5) * scale)
        index.append(np.clip(np.floor(at), 0, x.shape[axis] - 1).astype(int))
    return x[:, index[0]][:, :, index[1]]


def bilinear(x, size, aligned=False, centred=False):
    x = x.astype(np.float64)
    for axis, wanted in ((1, size[0]), (2, size[1])):
        extent = x.shape[axis]
        at = np.clip(places(extent, wanted, aligned, centred), 0, extent - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, extent - 1)
        part = (at - low).reshape([-1 if d == axis else 1 for d in range(4)])
        x = np.take(x, low, axis) * (1 - part) + np.take(x, high, axis) * part
    return x.astype(f32)


def resize_cases():
    cases = []
    for name, flags in {"plain": {}, "aligned": {"align_corners": True},
                        "centred": {"half_pixel_centers": True}}.items():
        aligned, centred = "align_corners" in flags, "half_pixel_centers" in flags
        cases += [
            operator("resize_bilinear_" + name, "RESIZE_BILINEAR", [reals(1, 4, 5, 2), i32(7, 9)],
                     lambda x, s, a=aligned, c=centred: bilinear(x, (7, 9), a, c),
                     ("ResizeBilinearOptions", flags)),
            operator("resize_nearest_" + name, "RESIZE_NEAREST_NEIGHBOR",
                     [reals(1, 4, 6, 2), i32(7, 3)],
                     lambda x, s, a=aligned, c=centred: nearest(x, (7, 3), a, c),
                     ("ResizeNearestNeighborOptions", flags)),
        ]
    return cases


def image_cases():
    pads = i32([0, 0], [1, 2], [0, 1], [0, 0])
    around = [tuple(p) for p in pads.tolist()]

    def quantized_pad(model, rng):
        graph = model.main
        x = rng.integers(-128, 128, (1, 2, 3, 1)).astype(np.int8)
        graph.input("x", x.shape, "int8", scale=0.5, zero_point=7)
        margins = graph.constant(pads)
        y = np.pad(x, around, constant_values=7)
        graph.outputs = graph.op(
            "PAD", [0, margins],
            [("y", y.shape, "int8", {"scale": 0.5, "zero_point": 7})], ("PadOptions", {}))
        return [x], [y]

    return [
        operator("pad", "PAD", [reals(1, 2, 3, 2), pads], lambda x, p: np.pad(x, around),
                 ("PadOptions", {})),
        operator("pad_v2", "PADV2", [reals(1, 2, 3, 2), pads, f32(-1.5)],
                 lambda x, p, v: np.pad(x, around, constant_values=v), ("PadV2Options", {})),
        Case("pad_quantized", quantized_pad),
        operator("mirror_pad_reflect", "MIRROR_PAD", [reals(1, 3, 3, 2), pads],
                 lambda x, p: np.pad(x, around, mode="reflect"),
                 ("MirrorPadOptions", {"mode": "REFLECT"})),
        operator("mirror_pad_symmetric", "MIRROR_PAD", [reals(1, 3, 3, 2), pads],
                 lambda x, p: np.pad(x, around, mode="symmetric"),
                 ("MirrorPadOptions", {"mode": "SYMMETRIC"})),
        operator("space_to_depth", "SPACE_TO_DEPTH", [reals(1, 4, 6, 3)],
                 lambda x: space_to_depth(x, 2), ("SpaceToDepthOptions", {"block_size": 2})),
        operator("depth_to_space", "DEPTH_TO_SPACE", [reals(1, 2, 3, 8)],
                 lambda x: depth_to_space(x, 2), ("DepthToSpaceOptions", {"block_size": 2})),
        operator("space_to_batch", "SPACE_TO_BATCH_ND",
                 [reals(2, 3, 4, 2), i32(2, 3), i32([0, 1], [1, 1])],
                 lambda x, b, p: space_to_batch(x, (2, 3), p.tolist()),
                 ("SpaceToBatchNDOptions", {})),
        operator("batch_to_space", "BATCH_TO_SPACE_ND",
                 [reals(12, 2, 3, 2), i32(2, 3), i32([0, 1], [2, 1])],
                 lambda x, b, c: batch_to_space(x, (2, 3), c.tolist()),
                 ("BatchToSpaceNDOptions", {})),
    ] + resize_cases()


def cases():
    return shape_cases() + slicing_cases() + image_cases()

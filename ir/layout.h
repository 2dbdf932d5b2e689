// A layout is an affine map from a logical index to a place in storage. It is a property of a
// value's type, never of an operator: kernels speak logical indices, and whoever touches memory
// (the C printer, constant packing, view making) asks the layout where an index lives.
//
// Every logical axis is written as digits, outermost first, each with its own stride:
//   row-major n c h w     [[N, C*H*W]] [[C, H*W]] [[H, W]] [[W, 1]]
//   channels last         [[N, H*W*C]] [[C, 1]] [[H, W*C]] [[W, C]]
//   blocked n c/8 h w c%8 [[N, ..]] [[C/8, H*W*8], [8, 1]] [[H, W*8]] [[W, 8]]
// Views (a slice, a transpose, a part of a concatenation) are layouts with an offset.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mlfc {

struct Digit {
  int64_t extent = 1;
  int64_t stride = 0;
  bool operator==(const Digit&) const = default;
};

struct Layout {
  /// One entry per logical axis; each has at least one digit, the last is the fastest-varying part.
  std::vector<std::vector<Digit>> axes = {};
  int64_t offset = 0;

  bool operator==(const Layout&) const = default;

  /// Storage place of a logical index.
  int64_t place(const std::vector<int64_t>& index) const;
  /// One past the largest place any index (padding of blocks included) maps to.
  int64_t span() const;
  /// True when every axis is a single digit: the layout is plain strides.
  bool is_strided() const;
  /// Stride of each axis; only for strided layouts.
  std::vector<int64_t> strides() const;
  /// True when the places are exactly 0 .. span-1, each used once (no gaps, no overlap).
  bool is_dense() const;

  static Layout row_major(const std::vector<int64_t>& shape);
  /// Dense storage with the axes in the given order: {0,2,3,1} is channels-last for n c h w.
  static Layout permuted(const std::vector<int64_t>& shape, const std::vector<int>& order);
  /// Dense storage in the order of `terms`; a term with block 0 is the whole axis, with block b > 0
  /// its outer part a/b, with block -b its inner part a%b. Extents that b does not divide are
  /// padded.
  struct Term {
    int axis = 0;
    int64_t block = 0;
    bool operator==(const Term&) const = default;
  };
  static Layout ordered(const std::vector<int64_t>& shape, const std::vector<Term>& terms);
  static Layout strided(const std::vector<int64_t>& shape, const std::vector<int64_t>& strides,
                        int64_t offset);
};

/// Why the layout cannot store a tensor of `shape`, in words; empty when it can: every index must
/// have a place, and no axis may be longer than its digits need.
std::string why_misfit(const Layout& layout, const std::vector<int64_t>& shape);

/// `a c d b`, `a b/8 c d b%8` for dense layouts; `strides 64 1 8 offset 16` for plain views;
/// `digits 4:64,8:1 16:8 offset 16` for views of blocked storage.
std::string to_text(const Layout& layout);
/// The inverse of to_text for a tensor of `shape`; fails on nonsense.
Layout parse_layout(const std::string& text, const std::vector<int64_t>& shape);

}  // namespace mlfc

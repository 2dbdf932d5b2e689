// Loop axes as operators want them: an axis that would run once is the constant 0 instead, so that
// kernels of batch-1 models, depthwise convolutions and scalars print without loops of one trip.
#pragma once

#include <string>
#include <vector>

#include "ir/kernel_builder.h"

namespace mlfc {

/// A shared parallel axis, or 0 when its extent is 1.
Expr parallel_axis(KernelBuilder& k, const std::string& name, int64_t extent);
/// One parallel axis per dimension, named prefix0, prefix1, ...
std::vector<Expr> parallel_axes(KernelBuilder& k, const Shape& shape,
                                const std::string& prefix = "i");
/// A parallel axis of the current stage only, or 0 when its extent is 1.
Expr row_axis(KernelBuilder& k, const std::string& name, int64_t extent);

/// A reduction whose axes may all turn out to run once: then there is nothing to reduce and the
/// result is the body itself.
class Reducer {
 public:
  explicit Reducer(KernelBuilder& k) : k_(k) {}
  Expr axis(const std::string& name, int64_t extent);
  Expr result(Combine combine, const Expr& body, const Expr& init = {},
              const std::string& name = "acc");

 private:
  KernelBuilder& k_;
  bool reduces_ = false;
};

/// Names of spatial axes: ("o", 2) is oh, ow; ("k", 3) is kd, kh, kw; beyond three they are
/// numbered.
std::vector<std::string> spatial_names(const std::string& prefix, int count);

/// Row-major position of an index in a tensor of `shape`; indices of dimensions of extent 1 drop
/// out.
Expr flat_index(const std::vector<Expr>& indices, const Shape& shape);
/// The inverse: the indices of flat position `place`, without divisions that cannot matter.
std::vector<Expr> split_index(const Expr& place, const Shape& shape);

/// For an index into a tensor of `shape`, the index of the same element once it has been reshaped
/// to `other`. Runs of dimensions that agree are handed on; only what lies between is divided.
std::vector<Expr> regrouped_index(const std::vector<Expr>& indices, const Shape& shape,
                                  const Shape& other);

/// An element just as it is stored, for kernels that move data and compute nothing.
Expr stored_element(const TensorRef& tensor, std::vector<Expr> indices);

/// A position that may count from the end: negative ones get `extent` added.
Expr wrapped_index(const Expr& index, int64_t extent);

/// The elements of `indices` from `first` up to (excluding) `last`.
std::vector<Expr> part(const std::vector<Expr>& indices, size_t first, size_t last);

}  // namespace mlfc

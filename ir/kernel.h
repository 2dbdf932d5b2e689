// A kernel declares the work of one node: independent axes, reduced axes, one combining expression,
// an epilogue that runs once after the reduction, and what a read yields outside its tensor.
//
//   kernel conv_relu(x: f32[1,8,16,16], w: f32[16,8,3,3], b: f32[16]) -> y: f32[1,16,16,16] {
//     for    oc<16, oh<16, ow<16
//     reduce ic<8, kh<3, kw<3
//     acc = sum from b[oc] of x[0, ic, oh + kh - 1, ow + kw - 1 | 0] * w[oc, ic, kh, kw]
//     y[0, oc, oh, ow] = max(acc, 0)
//   }
//
// Meaning: for every point of the axes, the stages run in order. A stage may add parallel axes of
// its own, reduces (if it has reduced axes), then stores. A reduction without a store names a
// scalar that later stages of the same point may use; stores go to outputs or to locals (row
// buffers that live for one point). The order in which points are visited has no meaning, and no
// stage may read what another point writes. Each output element is written exactly once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/expr.h"
#include "ir/type.h"

namespace mlfc {

struct Axis {
  std::string name = {};
  int64_t extent = 1;
  bool operator==(const Axis&) const = default;
};

enum class Combine : uint8_t { sum, product, max, min };

std::string to_text(Combine combine);
std::optional<Combine> combine_named(std::string_view name);
/// The value that does not change the result: 0, 1, lowest, highest of the dtype.
Expr neutral_element(Combine combine, DType dtype);
Expr combined(Combine combine, const Expr& a, const Expr& b);

struct Reduction {
  std::string name = "acc";
  DType dtype = DType::none;
  Combine combine = Combine::sum;
  Expr init = {};  ///< never empty: the neutral element when nothing else
  Expr body = {};
};

struct Store {
  std::string target = {};
  std::vector<Expr> indices = {};
  Expr value = {};
};

struct Stage {
  std::vector<Axis> parallel = {};
  std::vector<Axis> reduce = {};
  std::optional<Reduction> reduction = {};
  std::optional<Store> store = {};
};

struct Param {
  std::string name = {};
  TensorType type = {};
  /// Known at compile time, so that its storage may still be chosen. Not part of the kernel's text:
  /// it follows from the value the parameter stands for.
  bool is_constant = false;
};

struct Kernel {
  std::string name = {};
  std::vector<Param> inputs = {};
  std::vector<Param> outputs = {};
  std::vector<Param> locals = {};  ///< row buffers shared by the stages of one point
  std::vector<Axis> axes = {};     ///< independent axes shared by all stages
  std::vector<Stage> stages = {};
};

// --- asking ---------------------------------------------------------------------------------

/// The parameter or local of that name; null when there is none.
const Param* find_param(const Kernel& kernel, std::string_view name);
const Axis* find_axis(const Kernel& kernel, std::string_view name);
const Axis* find_axis(const std::vector<Axis>& axes, std::string_view name);
/// One stage, no reduction, one store: each output element depends on single elements of the
/// inputs.
bool is_elementwise(const Kernel& kernel);
/// The reads of a tensor anywhere in the kernel.
std::vector<Expr> reads_of(const Kernel& kernel, std::string_view tensor);
/// True when output 0 may share storage with `input`: every read of it happens at the very place
/// in storage that the same point then stores to, before that store.
bool may_run_in_place(const Kernel& kernel, std::string_view input);
/// Multiply-accumulates (one per point of the reduction that multiplies), for reports.
int64_t multiply_count(const Kernel& kernel);

// --- rewriting ------------------------------------------------------------------------------

/// Applies `rewrite` to every expression of the kernel (init, body, indices, stored values).
void rewrite_exprs(Kernel& kernel, const std::function<Expr(const Expr&)>& rewrite);
void rename_param(Kernel& kernel, const std::string& from, const std::string& to);
void rename_axis(Kernel& kernel, const std::string& from, const std::string& to);

}  // namespace mlfc

// Expressions compiled for evaluation over rows of points (row_points.h): the engine of both
// interpreters. An expression becomes a short list of instructions over row registers; equal
// subexpressions are computed once. Affine reads load whole segments and are checked against their
// tensor once per segment, or not at all where the extents of the axes prove them right.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ir/affine.h"
#include "ir/expr.h"
#include "ir/row_functions.h"
#include "ir/row_points.h"
#include "ir/type.h"

namespace mlfc {

/// constant + sum of coefficient * axis, the axes given by their slots.
struct AffineIndex {
  int64_t constant = 0;
  std::vector<std::pair<int, int64_t>> terms = {};

  int64_t at(const int64_t* frame) const;
  int64_t step(const std::vector<int64_t>& steps) const;
  void add(const AffineIndex& other, int64_t factor);
};

/// A tensor, row-major, as rows are read from and written to.
struct RowTensor {
  std::string name = {};
  DType dtype = DType::none;
  Shape shape = {};
  std::byte* data = nullptr;
  /// Which copy of the tensor a point uses, when there is one for every point of a chunk.
  AffineIndex copy = {};
};

/// What the names in an expression stand for.
struct RowScope {
  std::string where = {};  ///< kernel or proc, for messages
  std::map<std::string, int, std::less<>> axes = {};
  std::vector<std::optional<Range>> ranges = {};  ///< of the axes, by slot
  std::map<std::string, const RowTensor*, std::less<>> tensors = {};
  /// Scalars whose rows the caller binds before each run.
  std::map<std::string, std::pair<int, DType>, std::less<>> bound = {};
};

/// The element of a tensor that affine indices select.
struct RowAccess {
  const RowTensor* tensor = nullptr;
  std::vector<AffineIndex> indices = {};
  AffineIndex place = {};      ///< offset of the element
  bool always_inside = false;  ///< proven from the ranges of the axes
};
/// nullopt when the index is not affine.
std::optional<AffineIndex> affine_index(const Expr& index, const RowScope& scope);
/// nullopt when one of the indices is not affine.
std::optional<RowAccess> affine_access(const RowTensor& tensor, const std::vector<Expr>& indices,
                                       const RowScope& scope);

struct RowInstruction {
  enum class Kind : uint8_t { constant, bound, index, read, gather, outside, call, cast };
  Kind kind = Kind::constant;
  DType dtype = DType::none;          ///< of the result
  DType operand_dtype = DType::none;  ///< call, cast
  std::vector<int> args = {};         ///< numbers of earlier instructions
  const ScalarFunction* function = nullptr;
  RowFunction native = nullptr;
  RowAccess access = {};  ///< read, outside; of gather only the tensor
  int otherwise = -1;     ///< read, gather: what to take outside the tensor
  int mask = -1;          ///< read, gather: points that need the value; -1: all
  AffineIndex index = {};
  double real = 0;  ///< constant
  int64_t integer = 0;
  int bound = 0;
  size_t storage = 0;  ///< offset of the register
};

class RowProgram {
 public:
  RowProgram() = default;
  RowProgram(const std::vector<Expr>& roots, const RowScope& scope);
  RowProgram(RowProgram&&) = default;  // not copied: registers are known by address
  RowProgram& operator=(RowProgram&&) = default;

  /// Supplies the row of a bound scalar; it must stay until the run is over.
  void bind(int number, const void* row);
  void run(const Row& row);
  /// The value of a root at the points of the last run, in the C++ type of its dtype's RowClass.
  const void* result(size_t root = 0) const { return values_[roots_[root]]; }
  template <typename T>
  const T* result_as(size_t root = 0) const {
    return static_cast<const T*>(result(root));
  }
  DType dtype(size_t root = 0) const { return instructions_[roots_[root]].dtype; }

 private:
  friend class RowCompiler;
  void allocate_registers();
  void execute(int number, const Row& row);
  void execute_read(const RowInstruction& read, void* result, const Row& row);
  void execute_gather(const RowInstruction& gather, void* result, const Row& row);
  void execute_outside(const RowInstruction& outside, void* result, const Row& row);
  void execute_call(const RowInstruction& call, void* result, int count);
  void fill_outside(const RowInstruction& read, void* result, int first, int last,
                    const std::function<std::vector<int64_t>(int point)>& index_of);

  std::string where_;
  std::vector<RowInstruction> instructions_;
  std::vector<int> roots_;
  std::vector<const void*> values_;  ///< by instruction: its register, or a tensor's own memory
  std::vector<std::byte> storage_;
  std::vector<const void*> bound_;
  bool constants_done_ = false;
};

/// Where rows of values go: one element of a tensor per point.
class RowTarget {
 public:
  RowTarget() = default;
  RowTarget(const RowTensor& tensor, const std::vector<Expr>& indices, const RowScope& scope);

  const RowTensor& tensor() const { return *access_.tensor; }
  /// Writes point after point; indices outside the tensor are the kernel's error.
  void store(const Row& row, const void* values);
  void accumulate(Combine combine, const Row& row, const void* values);
  /// For when several targets must be written point by point: computes the places first.
  void locate(const Row& row);
  int64_t place(int point) const { return places_[point]; }

 private:
  void check_segment(const Row& row, size_t segment) const;
  template <typename Use>
  void for_each_run(const Row& row, const Use& use);

  std::string where_;
  RowAccess access_;
  bool is_affine_ = true;
  RowProgram index_program_;
  std::vector<int64_t> places_;
};

}  // namespace mlfc

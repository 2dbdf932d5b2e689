// What the verifiers of graphs, kernels and loops share: the names in scope where an expression
// stands, and the questions asked of every expression.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/affine.h"
#include "ir/error.h"
#include "ir/graph.h"

namespace mlfc {

/// The sentences found wrong so far, each beginning with where it was found.
class Problems {
 public:
  /// `place` begins every sentence reported until it is destroyed.
  class Place {
   public:
    Place(Problems& problems, const std::string& place)
        : problems_(problems), outer_(problems.place_.size()) {
      problems_.place_ += place + ": ";
    }
    ~Place() { problems_.place_.resize(outer_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    Problems& problems_;
    size_t outer_;
  };

  template <typename... Parts>
  void report(const Parts&... parts) {
    sentences_.push_back(place_ + concat_text(parts...));
  }
  /// Reports unless the condition holds; answers whether it does.
  template <typename... Parts>
  bool require(bool condition, const Parts&... parts) {
    if (!condition) report(parts...);
    return condition;
  }
  std::vector<std::string> take() { return std::move(sentences_); }

 private:
  std::string place_;
  std::vector<std::string> sentences_;
};

/// A loop around an expression: an axis of a kernel, or a loop whose bounds may depend on the loops
/// around it.
struct LoopVariable {
  std::string name = {};
  Expr begin = {}, end = {};
  int64_t step = 1;
};

/// The names an expression may use. Copies of it are scopes; what is added ends with the copy.
struct Surroundings {
  std::vector<const Param*> tensors = {};
  std::vector<std::pair<std::string, DType>> scalars = {};
  std::vector<LoopVariable> loops = {};  ///< outermost first

  const Param* find_tensor(std::string_view name) const;
  bool knows(std::string_view name) const;
};

/// Checks names, dtypes, ranks and that every read without `otherwise` stays inside its tensor.
void check_expr(Problems& problems, const Expr& expr, const Surroundings& around);
/// Checks the indices of a store to (or a copy's corner in) `tensor`; `extents` is the box that
/// begins there, empty for one element.
void check_element(Problems& problems, const Param& tensor, const std::vector<Expr>& indices,
                   const Surroundings& around, const Shape& extents = {});
/// The exact range of an index over the loops around it; nullopt when it depends on data or has too
/// many cases to look at. Empty (first > last) when no turn reaches it.
std::optional<Range> exact_range(const Expr& index, const Surroundings& around);

/// The type of a value or parameter by itself: a dtype, a shape, a layout that fits.
void check_type(Problems& problems, const TensorType& type, std::string_view name);

void check_kernel(Problems& problems, const Kernel& kernel);
void check_proc(Problems& problems, const Proc& proc);
/// Views lie inside their storage, placements inside their pools, and no two values that live at
/// the same time share bytes.
void check_memory(Problems& problems, const Graph& graph);

}  // namespace mlfc

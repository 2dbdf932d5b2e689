// Recognises contractions and carries them out as matrix products, one block of rows at a time so
// that the unfolded input of a large convolution never exists as a whole.
//
// Integers go through products of doubles, which are exact as long as no sum can reach 2^53; the
// bound is worked out from the dtypes the factors read. Where it does not hold, the row evaluator
// does the work instead.
#include "ir/interpret_contraction.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "ir/error.h"

namespace mlfc {
namespace {

// --- recognising ------------------------------------------------------------------------------

double largest_magnitude(DType dtype) {
  if (dtype == DType::boolean) return 1;
  const int bits = 8 * bytes_of(dtype);
  const bool is_signed = info(dtype).kind == DTypeKind::signed_integer;
  return std::ldexp(1.0, is_signed ? bits - 1 : bits);
}

// An upper bound of the absolute value of an integer expression.
double magnitude(const Expr& expr) {
  const double limit = largest_magnitude(expr.dtype());
  const auto within = [&](double bound) { return bound < limit ? bound : limit; };
  if (expr->kind == ExprKind::constant) return std::fabs(static_cast<double>(expr->integer));
  const bool of_integer = expr->kind == ExprKind::cast && !is_float(expr->args[0].dtype());
  if (of_integer) return within(magnitude(expr->args[0]));
  if (expr->kind != ExprKind::call || expr->args.size() != 2) return limit;
  const double a = magnitude(expr->args[0]), b = magnitude(expr->args[1]);
  const std::string_view name = expr->function->name;
  // A bound that reaches the dtype's own could wrap, and then says nothing.
  if (name == "add" || name == "sub") return within(a + b);
  if (name == "mul") return within(a * b);
  return limit;
}

int64_t points_of(const std::vector<Axis>& axes) {
  int64_t product = 1;
  for (const Axis& axis : axes) product *= axis.extent;
  return product;
}

bool is_exact(const Contraction& contraction) {
  if (contraction.dtype == DType::f32 || contraction.dtype == DType::f64) return true;
  if (is_float(contraction.dtype)) return false;
  const double terms = static_cast<double>(points_of(contraction.reduce));
  return terms * magnitude(contraction.left) * magnitude(contraction.right) < std::ldexp(1.0, 53);
}

bool is_worth_it(const Contraction& contraction) {
  const int64_t rows = points_of(contraction.rows), columns = points_of(contraction.columns);
  const int64_t terms = points_of(contraction.reduce);
  return rows >= 4 && columns >= 4 && terms >= 4 && rows * columns * terms >= 4096;
}

// Scalars and row buffers of earlier stages differ from point to point of the shared axes.
bool reads_point_memory(const Kernel& kernel, const Expr& expr) {
  bool found = false;
  for_each(expr, [&](const Expr& part) { found |= part->kind == ExprKind::local; });
  for (const Param& local : kernel.locals) found |= reads_tensor(expr, local.name);
  return found;
}

bool depends_on(const Kernel& kernel, const Expr& expr, const Axis& axis) {
  if (mentions_axis(expr, axis.name)) return true;
  const bool is_shared =
      std::find(kernel.axes.begin(), kernel.axes.end(), axis) != kernel.axes.end();
  return is_shared && reads_point_memory(kernel, expr);
}

void deal_axes(const Kernel& kernel, const std::vector<Axis>& axes, Contraction& contraction) {
  for (const Axis& axis : axes) {
    const bool in_left = depends_on(kernel, contraction.left, axis);
    const bool in_right = depends_on(kernel, contraction.right, axis);
    auto& list = !in_right ? contraction.rows : in_left ? contraction.batch : contraction.columns;
    list.push_back(axis);
  }
}

// --- filling matrices -------------------------------------------------------------------------

// The distance in memory between neighbours along an axis, over all affine reads of a factor.
int64_t total_stride(const Expr& factor, const Box& box, const RowScope& scope) {
  if (box.axes.empty()) return 0;
  int64_t total = 0;
  for_each(factor, [&](const Expr& part) {
    if (part->kind != ExprKind::read) return;
    const RowTensor& tensor = *scope.tensors.at(part->name);
    const std::optional<RowAccess> access = affine_access(tensor, part->args, scope);
    if (!access) return;
    for (const auto& [slot, coefficient] : access->place.terms) {
      if (slot == box.axes.back().slot) total += std::abs(coefficient);
    }
  });
  return total;
}

// The values of one factor over (points of a box) x (terms of the sum), in whichever of the two
// orders walks memory in smaller steps.
template <typename T>
class FactorMatrix {
 public:
  FactorMatrix(const Expr& factor, Box points, Box terms, const RowScope& scope)
      : program_({factor}, scope), points_(std::move(points)), terms_(std::move(terms)) {
    const int64_t along_points = total_stride(factor, points_, scope);
    const int64_t along_terms = total_stride(factor, terms_, scope);
    terms_first_ = along_points > 0 && (along_terms == 0 || along_points <= along_terms);
  }

  // The points first .. last-1, the other axes as in the frame.
  void fill(int64_t first, int64_t last, AxisFrame frame) {
    point_count_ = last - first;
    term_count_ = terms_.points();
    values_.resize(static_cast<size_t>(point_count_ * term_count_));
    T* row = values_.data();
    if (terms_first_) {
      for_each_point(terms_, frame, [&] {
        fill_row(points_, first, last, frame, row);
        row += point_count_;
      });
      return;
    }
    // Only the wanted points: the walk over a box has no way to start in its middle.
    for_each_row(points_, first, last, frame, [&](int64_t, Row& some) {
      for (int point = 0; point < some.count; ++point) {
        some.frame_of(point, frame);
        fill_row(terms_, 0, term_count_, frame, row);
        row += term_count_;
      }
    });
  }

  bool terms_first() const { return terms_first_; }
  int64_t point_count() const { return point_count_; }
  int64_t term_count() const { return term_count_; }
  const T* data() const { return values_.data(); }

 private:
  void fill_row(const Box& box, int64_t first, int64_t last, const AxisFrame& frame, T* target) {
    for_each_row(box, first, last, frame, [&](int64_t point, Row& row) {
      program_.run(row);
      if (row_class(program_.dtype()) == RowClass::i64) {
        std::copy_n(program_.result_as<int64_t>(), row.count, target + (point - first));
      } else {
        std::copy_n(program_.result_as<T>(), row.count, target + (point - first));
      }
    });
  }

  RowProgram program_;
  Box points_, terms_;
  bool terms_first_ = false;
  int64_t point_count_ = 0, term_count_ = 0;
  std::vector<T> values_;
};

template <typename T>
using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename T>
using ColumnMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;

// Calls `use` with the matrix points x terms.
template <typename T, typename Use>
void with_matrix(const FactorMatrix<T>& factor, const Use& use) {
  if (factor.terms_first()) {
    use(Eigen::Map<const ColumnMajor<T>>(factor.data(), factor.point_count(), factor.term_count()));
  } else {
    use(Eigen::Map<const RowMajor<T>>(factor.data(), factor.point_count(), factor.term_count()));
  }
}

// --- multiplying ------------------------------------------------------------------------------

template <typename T>
class ContractionRun {
 public:
  ContractionRun(const Contraction& contraction, const RowScope& scope, const UseSums& use)
      : dtype_(contraction.dtype),
        rows_(box_of(contraction.rows, scope)),
        columns_(box_of(contraction.columns, scope)),
        terms_(box_of(contraction.reduce, scope)),
        left_(contraction.left, rows_, terms_, scope),
        right_(contraction.right, columns_, terms_, scope),
        use_(use) {}

  // All sums of one point of the batch.
  void run(const AxisFrame& frame) {
    right_.fill(0, columns_.points(), frame);
    constexpr int64_t kBlockElements = int64_t{1} << 20;  // 4 MB of f32: stays in a large cache
    const int64_t rows = rows_.points();
    const int64_t block = std::max<int64_t>(kBlockElements / terms_.points(), row_capacity);
    for (int64_t first = 0; first < rows; first += block) {
      const int64_t last = std::min(first + block, rows);
      left_.fill(first, last, frame);
      multiply();
      hand_out(first, last, frame);
    }
  }

 private:
  void multiply() {
    const int64_t rows = left_.point_count(), columns = right_.point_count();
    sums_.resize(static_cast<size_t>(rows * columns));
    Eigen::Map<RowMajor<T>> sums(sums_.data(), columns, rows);
    with_matrix(right_, [&](const auto& right) {
      with_matrix(left_, [&](const auto& left) { sums.noalias() = right * left.transpose(); });
    });
  }

  void hand_out(int64_t first, int64_t last, AxisFrame frame) {
    const T* sums = sums_.data();
    std::vector<int64_t> integers;
    for_each_point(columns_, frame, [&] {
      for_each_row(rows_, first, last, frame, [&](int64_t point, Row& row) {
        const T* some = sums + (point - first);
        if (is_float(dtype_)) return use_(row, some);
        integers.assign(some, some + row.count);
        wrap_row(dtype_, row.count, integers.data());
        use_(row, integers.data());
      });
      sums += last - first;
    });
  }

  DType dtype_;
  Box rows_, columns_, terms_;
  FactorMatrix<T> left_, right_;
  const UseSums& use_;
  std::vector<T> sums_;
};

template <typename T>
void run_as(const Contraction& contraction, const RowScope& scope, AxisFrame frame,
            const UseSums& use) {
  ContractionRun<T> run(contraction, scope, use);
  for_each_point(box_of(contraction.batch, scope), frame, [&] { run.run(frame); });
}

}  // namespace

Box box_of(const std::vector<Axis>& axes, const RowScope& scope) {
  Box box;
  for (const Axis& axis : axes) box.axes.push_back({scope.axes.at(axis.name), axis.extent});
  return box;
}

std::optional<Contraction> contraction_of(const Kernel& kernel, const Stage& stage) {
  if (!stage.reduction || stage.reduction->combine != Combine::sum) return std::nullopt;
  const Expr& body = stage.reduction->body;
  const bool is_product = is_call(body, "mul");
  if (!is_product || body.dtype() != stage.reduction->dtype) return std::nullopt;
  std::vector<Axis> axes = kernel.axes;
  axes.insert(axes.end(), stage.parallel.begin(), stage.parallel.end());
  Contraction contraction{
      .left = body->args[0], .right = body->args[1], .reduce = stage.reduce, .dtype = body.dtype()};
  // The rows vary fastest in what follows: the innermost axis should be one of them.
  const auto inner =
      std::find_if(axes.rbegin(), axes.rend(), [](const Axis& axis) { return axis.extent > 1; });
  if (inner != axes.rend() && !depends_on(kernel, contraction.left, *inner)) {
    std::swap(contraction.left, contraction.right);
  }
  deal_axes(kernel, axes, contraction);
  if (!is_worth_it(contraction) || !is_exact(contraction)) return std::nullopt;
  return contraction;
}

void run_contraction(const Contraction& contraction, const RowScope& scope, const AxisFrame& frame,
                     const UseSums& use) {
  if (contraction.dtype == DType::f32) {
    run_as<float>(contraction, scope, frame, use);
  } else {
    run_as<double>(contraction, scope, frame, use);
  }
}

}  // namespace mlfc

// Turns expressions into the instruction lists of row_evaluator.h.
//
// Only the branch of a select that is taken, and only an `otherwise` that is needed, may be asked
// to read: the other points of the row are masked, so that they cannot fail. Masks cost nothing
// where every read is proven to be inside its tensor.
#include <algorithm>
#include <bit>
#include <numeric>

#include "ir/error.h"
#include "ir/row_evaluator.h"

namespace mlfc {
namespace {

using Kind = RowInstruction::Kind;

bool stays_within(const AffineIndex& index, int64_t extent, const RowScope& scope) {
  Range range{index.constant, index.constant};
  for (const auto& [slot, coefficient] : index.terms) {
    const std::optional<Range>& axis = scope.ranges[slot];
    if (!axis) return false;
    const int64_t a = coefficient * axis->first, b = coefficient * axis->last;
    range.first += std::min(a, b);
    range.last += std::max(a, b);
  }
  return range.first >= 0 && range.last < extent;
}

const RowTensor& tensor_named(const std::string& name, const RowScope& scope) {
  const auto found = scope.tensors.find(name);
  check(found != scope.tensors.end(), scope.where, ": no tensor is called '", name, "'");
  return *found->second;
}

}  // namespace

int64_t AffineIndex::at(const int64_t* frame) const {
  int64_t sum = constant;
  for (const auto& [slot, coefficient] : terms) sum += coefficient * frame[slot];
  return sum;
}

int64_t AffineIndex::step(const std::vector<int64_t>& steps) const {
  int64_t sum = 0;
  for (const auto& [slot, coefficient] : terms) sum += coefficient * steps[slot];
  return sum;
}

void AffineIndex::add(const AffineIndex& other, int64_t factor) {
  constant += factor * other.constant;
  for (const auto& [slot, coefficient] : other.terms) {
    const auto same_slot = [slot = slot](const auto& term) { return term.first == slot; };
    const auto term = std::find_if(terms.begin(), terms.end(), same_slot);
    if (term == terms.end()) {
      terms.emplace_back(slot, factor * coefficient);
    } else {
      term->second += factor * coefficient;
    }
  }
}

std::optional<AffineIndex> affine_index(const Expr& index, const RowScope& scope) {
  const std::optional<Affine> affine = affine_of(index);
  if (!affine) return std::nullopt;
  AffineIndex result{affine->constant, {}};
  for (const auto& [name, coefficient] : affine->coefficients) {
    const auto slot = scope.axes.find(name);
    check(slot != scope.axes.end(), scope.where, ": no axis is called '", name, "'");
    if (coefficient != 0) result.terms.emplace_back(slot->second, coefficient);
  }
  return result;
}

std::optional<RowAccess> affine_access(const RowTensor& tensor, const std::vector<Expr>& indices,
                                       const RowScope& scope) {
  check(indices.size() == tensor.shape.size(), scope.where, ": '", tensor.name, "' of shape ",
        tensor.shape, " is indexed with ", indices.size(), " indices");
  RowAccess access{.tensor = &tensor, .place = tensor.copy, .always_inside = true};
  const std::vector<int64_t> strides = row_major_strides(tensor.shape);
  for (size_t axis = 0; axis < indices.size(); ++axis) {
    const std::optional<AffineIndex> index = affine_index(indices[axis], scope);
    if (!index) return std::nullopt;
    access.indices.push_back(*index);
    access.place.add(*index, strides[axis]);
    access.always_inside &= stays_within(*index, tensor.shape[axis], scope);
  }
  return access;
}

class RowCompiler {
 public:
  RowCompiler(RowProgram& program, const RowScope& scope) : program_(program), scope_(scope) {}

  int compile(const Expr& expr, int mask = -1) {
    switch (expr->kind) {
      case ExprKind::constant:
        return compile_constant(expr);
      case ExprKind::axis:
        return compile_affine(expr);
      case ExprKind::local:
        return compile_local(expr);
      case ExprKind::read:
        return compile_read(expr, mask);
      case ExprKind::call:
        return compile_call(expr, mask);
      case ExprKind::cast:
        return convert(compile(expr->args[0], mask), expr.dtype());
    }
    throw InternalError("an expression of unknown kind");
  }

 private:
  using Key = std::vector<int64_t>;

  // Adds the instruction unless one with the same key computes the same already.
  int add(RowInstruction instruction, Key key) {
    key.push_back(static_cast<int64_t>(instruction.kind));
    key.push_back(static_cast<int64_t>(instruction.dtype));
    key.insert(key.end(), instruction.args.begin(), instruction.args.end());
    const int next = static_cast<int>(program_.instructions_.size());
    const auto [known, fresh] = known_.emplace(std::move(key), next);
    if (fresh) program_.instructions_.push_back(std::move(instruction));
    return known->second;
  }

  DType dtype_of(int number) const { return program_.instructions_[number].dtype; }

  int compile_constant(const Expr& constant) {
    const DType dtype = constant.dtype() == DType::none
                            ? (constant->is_real ? DType::f64 : DType::i64)
                            : constant.dtype();
    const double real = constant->is_real ? constant->real : static_cast<double>(constant->integer);
    return add({.kind = Kind::constant, .dtype = dtype, .real = real, .integer = constant->integer},
               {std::bit_cast<int64_t>(real), constant->integer});
  }

  int compile_index(const AffineIndex& index) {
    Key key{index.constant};
    for (const auto& [slot, coefficient] : index.terms) key.insert(key.end(), {slot, coefficient});
    return add({.kind = Kind::index, .dtype = DType::i64, .index = index}, key);
  }

  int compile_affine(const Expr& expr) { return compile_index(*affine_index(expr, scope_)); }

  int compile_local(const Expr& local) {
    const auto bound = scope_.bound.find(local->name);
    if (bound == scope_.bound.end()) {  // a scalar kept in memory
      return compile_read(read_expr(local->name, local.dtype(), {}), -1);
    }
    check(bound->second.second == local.dtype(), scope_.where, ": '", local->name, "' is ",
          bound->second.second, " but is used as ", local.dtype());
    return add({.kind = Kind::bound, .dtype = local.dtype(), .bound = bound->second.first},
               {bound->second.first});
  }

  int convert(int value, DType dtype) {
    const DType from = dtype_of(value);
    if (from == dtype) return value;
    return add({.kind = Kind::cast, .dtype = dtype, .operand_dtype = from, .args = {value}}, {});
  }

  int compile_read(const Expr& read, int mask) {
    const RowTensor& tensor = tensor_named(read->name, scope_);
    check(tensor.dtype == read.dtype(), scope_.where, ": '", tensor.name, "' is ", tensor.dtype,
          " but is read as ", read.dtype());
    std::optional<RowAccess> access = affine_access(tensor, read->args, scope_);
    if (!access) return compile_gather(read, tensor, mask);
    RowInstruction load{.kind = Kind::read, .dtype = read.dtype(), .access = std::move(*access)};
    if (!load.access.always_inside) {
      load.mask = mask;
      if (!read->otherwise.empty()) {
        load.otherwise = compile(read->otherwise, mask_where_outside(load, read, mask));
      }
    }
    Key key = access_key(load);
    return add(std::move(load), std::move(key));
  }

  int compile_gather(const Expr& read, const RowTensor& tensor, int mask) {
    RowInstruction gather{.kind = Kind::gather, .dtype = read.dtype(), .mask = mask};
    gather.access.tensor = &tensor;
    for (const Expr& index : read->args) gather.args.push_back(compile(index, mask));
    if (!read->otherwise.empty()) {
      gather.otherwise = compile(read->otherwise, mask_where_outside(gather, read, mask));
    }
    Key key = access_key(gather);
    return add(std::move(gather), std::move(key));
  }

  static Key access_key(const RowInstruction& read) {
    Key key{std::bit_cast<int64_t>(read.access.tensor), read.otherwise, read.mask};
    for (const AffineIndex& index : read.access.indices) {
      key.insert(key.end(), {index.constant, static_cast<int64_t>(index.terms.size())});
      for (const auto& [slot, coefficient] : index.terms) {
        key.insert(key.end(), {slot, coefficient});
      }
    }
    return key;
  }

  // The mask under which the `otherwise` of a read is evaluated.
  int mask_where_outside(const RowInstruction& read, const Expr& expr, int mask) {
    if (!may_fail(expr->otherwise)) return -1;
    RowInstruction outside = read;
    outside.kind = Kind::outside;
    outside.dtype = DType::boolean;
    outside.mask = outside.otherwise = -1;
    Key key = access_key(outside);
    return both(mask, add(std::move(outside), std::move(key)));
  }

  bool may_fail(const Expr& expr) const {
    bool risky = false;
    for_each(expr, [&](const Expr& part) {
      if (part->kind != ExprKind::read || !part->otherwise.empty()) return;
      const auto access = affine_access(tensor_named(part->name, scope_), part->args, scope_);
      risky |= !access || !access->always_inside;
    });
    return risky;
  }

  int compile_call(const Expr& call, int mask) {
    if (call.dtype() == DType::i64) {
      if (const auto index = affine_index(call, scope_)) return compile_index(*index);
    }
    std::vector<int> args;
    const bool is_select = call->function->condition_first;
    for (size_t i = 0; i < call->args.size(); ++i) {
      int arg_mask = mask;
      if (is_select && i > 0 && may_fail(call->args[i])) {
        arg_mask = both(mask, i == 1 ? args[0] : call_of("not", {args[0]}));
      }
      args.push_back(compile(call->args[i], arg_mask));
    }
    return add_call(*call->function, std::move(args), call.dtype());
  }

  int both(int a, int b) { return a < 0 ? b : call_of("and", {a, b}); }
  int call_of(std::string_view function, std::vector<int> args) {
    return add_call(*find_scalar_function(function), std::move(args), DType::boolean);
  }

  int add_call(const ScalarFunction& function, std::vector<int> args, DType dtype) {
    const size_t first_value = function.condition_first ? 1 : 0;
    const DType operands = dtype_of(args[first_value]);
    for (size_t i = first_value; i < args.size(); ++i) {
      check(dtype_of(args[i]) == operands, scope_.where, ": '", function.name, "' of ", operands,
            " and ", dtype_of(args[i]));
    }
    RowInstruction call{.kind = Kind::call,
                        .dtype = dtype,
                        .operand_dtype = operands,
                        .args = std::move(args),
                        .function = &function,
                        .native = native_row_function(function, operands)};
    return add(std::move(call), {std::bit_cast<int64_t>(&function)});
  }

  RowProgram& program_;
  const RowScope& scope_;
  std::map<Key, int> known_;
};

RowProgram::RowProgram(const std::vector<Expr>& roots, const RowScope& scope)
    : where_(scope.where) {
  RowCompiler compiler(*this, scope);
  for (const Expr& root : roots) roots_.push_back(compiler.compile(root));
  size_t bound = 0;
  for (const auto& [name, place] : scope.bound) {
    bound = std::max(bound, static_cast<size_t>(place.first) + 1);
  }
  bound_.resize(bound);
  allocate_registers();
}

// Registers are reused once nothing needs their value any more: a row of each fits in the first
// cache only when there are few. Constants and results keep theirs.
void RowProgram::allocate_registers() {
  const int count = static_cast<int>(instructions_.size());
  std::vector<int> last_use(count);
  std::iota(last_use.begin(), last_use.end(), 0);
  for (int i = 0; i < count; ++i) {
    const RowInstruction& instruction = instructions_[i];
    const auto use = [&](int arg) { last_use[arg] = i; };
    for (const int arg : instruction.args) use(arg);
    if (instruction.otherwise >= 0) use(instruction.otherwise);
    if (instruction.mask >= 0) use(instruction.mask);
  }
  for (int i = 0; i < count; ++i) {
    if (instructions_[i].kind == Kind::constant) last_use[i] = count;
  }
  for (const int root : roots_) last_use[root] = count;
  // A conversion that costs nothing lends its operand's register.
  for (int i = count; i-- > 0;) {
    RowInstruction& cast = instructions_[i];
    if (cast.kind != Kind::cast || !converts_for_free(cast.operand_dtype, cast.dtype)) continue;
    last_use[cast.args[0]] = std::max(last_use[cast.args[0]], last_use[i]);
  }
  constexpr size_t kBytes = row_capacity * sizeof(int64_t);
  std::vector<size_t> free_registers;
  size_t end = 0;
  std::vector<std::vector<int>> dies_at(count + 1);
  for (int i = 0; i < count; ++i) dies_at[last_use[i]].push_back(i);
  for (int i = 0; i < count; ++i) {
    // Constants are filled in once: nothing may have used their register before.
    if (free_registers.empty() || instructions_[i].kind == Kind::constant) {
      instructions_[i].storage = end;
      end += kBytes;
    } else {
      instructions_[i].storage = free_registers.back();
      free_registers.pop_back();
    }
    for (const int dead : dies_at[i]) free_registers.push_back(instructions_[dead].storage);
  }
  storage_.resize(end);
  values_.resize(count);
}

}  // namespace mlfc

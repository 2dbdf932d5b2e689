// The comparison of a loop nest with what an instruction means.
#include "codegen/c/c_instructions.h"

#include <algorithm>
#include <map>

namespace mlfc {
namespace {

class Matcher {
 public:
  Matcher(const Instruction& instruction, const PlaceOf& place_of,
          const std::function<DType(const std::string&)>& dtype_of)
      : instruction_(instruction), place_of_(place_of), dtype_of_(dtype_of) {}

  bool same_stmt(const Stmt& wanted, const Stmt& stmt) {
    if (wanted.kind != stmt.kind) return false;
    if (wanted.kind == StmtKind::loop) return same_loop(wanted, stmt);
    return wanted.combine == stmt.combine && same_expr(wanted.value, stmt.value) &&
           same_place(wanted.name, wanted.indices, stmt.name, stmt.indices);
  }

  std::optional<std::vector<Operand>> operands() const {
    std::vector<Operand> all;
    for (const Param& param : instruction_.operands) {
      const auto found = operands_.find(param.name);
      if (found == operands_.end()) return std::nullopt;
      all.push_back(found->second);
    }
    return all;
  }

 private:
  bool same_loop(const Stmt& wanted, const Stmt& stmt) {
    const bool alike = same(wanted.begin, stmt.begin) && same(wanted.end, stmt.end) &&
                       wanted.step == stmt.step && wanted.body.size() == stmt.body.size();
    if (!alike) return false;
    axes_[wanted.name] = stmt.name;
    for (size_t i = 0; i < wanted.body.size(); ++i) {
      if (!same_stmt(wanted.body[i], stmt.body[i])) return false;
    }
    return true;
  }

  bool same_expr(const Expr& wanted, const Expr& expr) {
    if (wanted->kind != expr->kind || wanted.dtype() != expr.dtype()) return false;
    if (wanted->kind == ExprKind::read) {
      return expr->otherwise.empty() &&
             same_place(wanted->name, wanted->args, expr->name, expr->args);
    }
    if (wanted->function != expr->function || wanted->args.size() != expr->args.size())
      return false;
    for (size_t i = 0; i < wanted->args.size(); ++i) {
      if (!same_expr(wanted->args[i], expr->args[i])) return false;
    }
    return !wanted->args.empty();
  }

  // The same way through storage along the instruction's axes; the rest is where the operand
  // begins.
  bool same_place(const std::string& operand, const std::vector<Expr>& wanted,
                  const std::string& tensor, const std::vector<Expr>& indices) {
    const auto param = std::find_if(instruction_.operands.begin(), instruction_.operands.end(),
                                    [&](const Param& p) { return p.name == operand; });
    if (dtype_of_(tensor) != param->type.dtype) return false;
    const std::optional<Affine> steps = affine_of(wanted[0]);
    std::optional<Affine> place = affine_of(place_of_(tensor, indices));
    if (!place) return false;
    for (const auto& [axis, here] : axes_) {
      if (place->of(here) != steps->of(axis)) return false;
      place->coefficients.erase(here);
    }
    operands_[operand] = {tensor, to_expr(*place)};
    return true;
  }

  const Instruction& instruction_;
  const PlaceOf& place_of_;
  const std::function<DType(const std::string&)>& dtype_of_;
  std::map<std::string, std::string> axes_ = {};  ///< the instruction's axis -> the nest's
  std::map<std::string, Operand> operands_ = {};
};

}  // namespace

std::optional<std::vector<Operand>> matched(
    const Instruction& instruction, const Stmt& nest, const PlaceOf& place_of,
    const std::function<DType(const std::string&)>& dtype_of) {
  Matcher matcher(instruction, place_of, dtype_of);
  return matcher.same_stmt(instruction.meaning, nest) ? matcher.operands() : std::nullopt;
}

}  // namespace mlfc

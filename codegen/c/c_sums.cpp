// Bounds every accumulator by what one accumulation can add, times how often it runs.
#include "codegen/c/c_sums.h"

#include <algorithm>
#include <map>

#include "ir/value_range.h"

namespace mlfc {
namespace {

// Unrolled rows accumulate into elements of their own: acc[0, l], acc[1, l]. Elements are told
// apart by those indices that are literals.
using Element = std::vector<std::string>;

struct Sum {
  DType dtype = DType::none;
  size_t depth = 0;      ///< loops around the declaration
  Range start = {0, 0};  ///< what is assigned
  std::map<Element, Range> added = {};
  bool is_bounded = true;
};

class SumBounds {
 public:
  void visit(const std::vector<Stmt>& body) {
    for (const Stmt& stmt : body) visit(stmt);
  }

  std::set<std::string> fitting() const {
    std::set<std::string> names;
    for (const auto& [name, sum] : sums_) {
      if (fits(sum)) names.insert(name);
    }
    return names;
  }

 private:
  struct OpenLoop {
    std::string variable = {};
    int64_t turns = 0;
  };

  void visit(const Stmt& stmt) {
    switch (stmt.kind) {
      case StmtKind::loop:
        return visit_loop(stmt);
      case StmtKind::local:
        if (dtype_range(stmt.dtype)) {
          sums_.try_emplace(stmt.name, Sum{.dtype = stmt.dtype, .depth = loops_.size()});
        }
        return;
      case StmtKind::assign:
        return assign(stmt);
      case StmtKind::accumulate:
        return accumulate(stmt);
      default:
        return;
    }
  }

  void visit_loop(const Stmt& stmt) {
    const auto begin = range_of(stmt.begin, ranges_), end = range_of(stmt.end, ranges_);
    const bool known = begin && end;
    const int64_t turns =
        known ? std::max<int64_t>(0, (end->last - begin->first + stmt.step - 1) / stmt.step) : -1;
    loops_.push_back({stmt.name, turns});
    if (known) ranges_[stmt.name] = {begin->first, end->last - 1};
    visit(stmt.body);
    ranges_.erase(stmt.name);
    loops_.pop_back();
  }

  void assign(const Stmt& stmt) {
    const auto found = sums_.find(stmt.name);
    if (found == sums_.end()) return;
    Sum& sum = found->second;
    const std::optional<Range> range = value_range(stmt.value, ranges_);
    if (!range) {
      sum.is_bounded = false;
      return;
    }
    sum.start.first = std::min(sum.start.first, range->first);
    sum.start.last = std::max(sum.start.last, range->last);
  }

  void accumulate(const Stmt& stmt) {
    const auto found = sums_.find(stmt.name);
    if (found == sums_.end() || stmt.combine != Combine::sum) return;
    Sum& sum = found->second;
    const std::optional<Range> range = value_range(stmt.value, ranges_);
    const int64_t turns = turns_of(stmt, sum.depth);
    constexpr int64_t kLimit = int64_t{1} << 31;
    const bool known =
        range && turns >= 0 && turns < kLimit && range->first >= -kLimit && range->last <= kLimit;
    if (!known) {
      sum.is_bounded = false;
      return;
    }
    Range& added = sum.added[element_of(stmt)];
    added.first += std::min<int64_t>(0, range->first) * turns;
    added.last += std::max<int64_t>(0, range->last) * turns;
    sum.is_bounded &= added.first > -kLimit * 4 && added.last < kLimit * 4;
  }

  // How often one element is added to; -1 when a loop's length is unknown. A loop whose variable
  // chooses the element does not count.
  int64_t turns_of(const Stmt& stmt, size_t depth) const {
    int64_t turns = 1;
    for (size_t i = depth; i < loops_.size(); ++i) {
      const bool chooses =
          std::any_of(stmt.indices.begin(), stmt.indices.end(), [&](const Expr& index) {
            return index->kind == ExprKind::axis && index->name == loops_[i].variable;
          });
      if (chooses) continue;
      if (loops_[i].turns < 0 || turns > (int64_t{1} << 40)) return -1;
      turns *= loops_[i].turns;
    }
    return turns;
  }

  static Element element_of(const Stmt& stmt) {
    Element element;
    for (const Expr& index : stmt.indices) {
      element.push_back(index->kind == ExprKind::constant ? std::to_string(index->integer) : "*");
    }
    return element;
  }

  // Elements that might be the same one count together; so do those of namesakes.
  static bool may_be_same(const Element& a, const Element& b) {
    if (a.size() != b.size()) return true;
    for (size_t i = 0; i < a.size(); ++i) {
      if (a[i] != b[i] && a[i] != "*" && b[i] != "*") return false;
    }
    return true;
  }

  static bool fits(const Sum& sum) {
    if (!sum.is_bounded) return false;
    const Range whole = *dtype_range(sum.dtype);
    for (const auto& [element, unused] : sum.added) {
      Range total = sum.start;
      for (const auto& [other, added] : sum.added) {
        if (!may_be_same(element, other)) continue;
        total.first += added.first;
        total.last += added.last;
      }
      if (total.first < whole.first || total.last > whole.last) return false;
    }
    return true;
  }

  std::map<std::string, Sum> sums_ = {};
  std::vector<OpenLoop> loops_ = {};
  Ranges ranges_ = {};
};

}  // namespace

std::set<std::string> sums_that_fit(const Proc& proc) {
  SumBounds bounds;
  bounds.visit(proc.body);
  return bounds.fitting();
}

}  // namespace mlfc

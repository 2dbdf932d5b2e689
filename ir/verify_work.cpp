// Checks kernels and procedures of loops.
#include <algorithm>
#include <map>
#include <set>

#include "ir/verify.h"
#include "ir/verify_parts.h"

namespace mlfc {
namespace {

LoopVariable as_loop(const Axis& axis) {
  return {axis.name, integer_expr(0, DType::i64), integer_expr(axis.extent, DType::i64)};
}

int64_t turns(const std::vector<Axis>& axes) {
  int64_t count = 1;
  for (const Axis& axis : axes) count *= axis.extent;
  return count;
}

class KernelCheck {
 public:
  KernelCheck(Problems& problems, const Kernel& kernel) : problems_(problems), kernel_(kernel) {}

  void run() {
    for (const auto* list : {&kernel_.inputs, &kernel_.outputs, &kernel_.locals}) {
      for (const Param& param : *list) {
        declare(param.name);
        check_type(problems_, param.type, param.name);
        around_.tensors.push_back(&param);
      }
    }
    declare_axes(kernel_.axes);
    for (const Axis& axis : kernel_.axes) around_.loops.push_back(as_loop(axis));
    for (const Stage& stage : kernel_.stages) check(stage);
    for (const Param& output : kernel_.outputs) check_written(output);
  }

 private:
  void declare(const std::string& name) {
    problems_.require(!name.empty() && names_.insert(name).second, "two things are called '", name,
                      "'");
  }

  void declare_axes(const std::vector<Axis>& axes) {
    for (const Axis& axis : axes) {
      declare(axis.name);
      const bool is_real = axis.extent >= 0 && axis.extent <= int64_t{1} << 40;
      problems_.require(is_real, "axis ", axis.name, " has ", axis.extent, " turns");
    }
  }

  void check(const Stage& stage) {
    const size_t shared = around_.loops.size();
    declare_axes(stage.parallel);
    declare_axes(stage.reduce);
    for (const Axis& axis : stage.parallel) around_.loops.push_back(as_loop(axis));
    if (stage.reduction) check(*stage.reduction, stage.reduce);
    problems_.require(stage.reduction || stage.reduce.empty(), "a stage has reduced axes (",
                      stage.reduce.empty() ? "" : stage.reduce.front().name,
                      " ...) but reduces nothing");
    if (stage.store) check(*stage.store, turns(kernel_.axes) * turns(stage.parallel));
    around_.loops.resize(shared);
  }

  void check(const Reduction& reduction, const std::vector<Axis>& reduced) {
    declare(reduction.name);
    check_value(reduction.init, reduction.dtype, reduction.name);
    const size_t outside = around_.loops.size();
    for (const Axis& axis : reduced) around_.loops.push_back(as_loop(axis));
    check_value(reduction.body, reduction.dtype, reduction.name);
    around_.loops.resize(outside);
    around_.scalars.emplace_back(reduction.name, reduction.dtype);
  }

  void check(const Store& store, int64_t points) {
    const Param* target = around_.find_tensor(store.target);
    if (!problems_.require(target != nullptr, "there is no '", store.target, "' to store to")) {
      return;
    }
    const bool is_input = std::any_of(kernel_.inputs.begin(), kernel_.inputs.end(),
                                      [&](const Param& input) { return &input == target; });
    problems_.require(!is_input, "a stage stores to the input ", target->name);
    for (const Expr& index : store.indices) check_expr(problems_, index, around_);
    check_element(problems_, *target, store.indices, around_);
    check_value(store.value, target->type.dtype, target->name);
    stored_[target->name] += points;
  }

  void check_value(const Expr& value, DType dtype, const std::string& name) {
    check_expr(problems_, value, around_);
    if (value.empty()) return;
    problems_.require(value.dtype() == dtype, name, " is of ", dtype, " but gets ", value, " of ",
                      value.dtype());
  }

  // Every element exactly once: the stores must at least be as many as the elements.
  void check_written(const Param& output) {
    const auto found = stored_.find(output.name);
    if (!problems_.require(found != stored_.end(), "output ", output.name, " is never written")) {
      return;
    }
    const int64_t elements = output.type.elements();
    problems_.require(found->second == elements, "output ", output.name, " has ", elements,
                      " elements but is stored to ", found->second, " times");
  }

  Problems& problems_;
  const Kernel& kernel_;
  Surroundings around_;
  std::set<std::string> names_;
  std::map<std::string, int64_t> stored_;  ///< stores to each tensor
};

class ProcCheck {
 public:
  ProcCheck(Problems& problems, const Proc& proc) : problems_(problems), proc_(proc) {}

  void run() {
    Surroundings around;
    for (const auto* list : {&proc_.inputs, &proc_.outputs}) {
      for (const Param& param : *list) {
        declare(around, param.name);
        check_type(problems_, param.type, param.name);
        around.tensors.push_back(&param);
      }
    }
    check_body(proc_.body, around);
    for (const Param& output : proc_.outputs) {
      if (output.type.elements() == 0) continue;
      problems_.require(written_.contains(output.name), "output ", output.name,
                        " is never written");
    }
  }

 private:
  void declare(const Surroundings& around, const std::string& name) {
    problems_.require(!name.empty() && !around.knows(name), "'", name,
                      "' is declared where another one is in use");
  }

  void check_body(const std::vector<Stmt>& body, Surroundings around) {
    for (const Stmt& stmt : body) {
      const Problems::Place place(problems_, describe_stmt(stmt));
      check(stmt, around);
    }
  }

  static std::string describe_stmt(const Stmt& stmt) {
    switch (stmt.kind) {
      case StmtKind::loop:
        return "for " + stmt.name;
      case StmtKind::local:
        return "local " + stmt.name;
      case StmtKind::call:
        return "call " + stmt.name;
      default:
        return stmt.name;
    }
  }

  void check(const Stmt& stmt, Surroundings& around) {
    switch (stmt.kind) {
      case StmtKind::loop:
        return check_loop(stmt, around);
      case StmtKind::local:
        declare(around, stmt.name);
        locals_.push_back(
            std::make_unique<Param>(Param{stmt.name, {stmt.dtype, stmt.shape, std::nullopt}}));
        check_type(problems_, locals_.back()->type, stmt.name);
        around.tensors.push_back(locals_.back().get());
        return;
      case StmtKind::assign:
      case StmtKind::accumulate:
        return check_assignment(stmt, around);
      case StmtKind::copy:
        return check_copy(stmt, around);
      case StmtKind::call:
        // What a call writes is known to its target only; naming a tensor may be writing it.
        for (const Expr& arg : stmt.args) {
          for_each(arg, [&](const Expr& part) { written_.insert(part->name); });
        }
        return;
      case StmtKind::comment:
        return;
    }
  }

  void check_loop(const Stmt& stmt, const Surroundings& around) {
    declare(around, stmt.name);
    check_expr(problems_, stmt.begin, around);
    check_expr(problems_, stmt.end, around);
    const bool runs = !stmt.begin.empty() && !stmt.end.empty() && stmt.step > 0;
    if (!problems_.require(runs, "a loop needs bounds and a positive step")) return;
    Surroundings inside = around;
    inside.loops.push_back({stmt.name, stmt.begin, stmt.end, stmt.step});
    check_body(stmt.body, inside);
  }

  const Param* target(const std::string& name, const Surroundings& around) {
    const Param* found = around.find_tensor(name);
    problems_.require(found != nullptr, "there is no '", name, "' to write to");
    const bool is_input = std::any_of(proc_.inputs.begin(), proc_.inputs.end(),
                                      [&](const Param& input) { return &input == found; });
    problems_.require(!is_input, "writes to the input ", name);
    written_.insert(name);
    return found;
  }

  void check_assignment(const Stmt& stmt, const Surroundings& around) {
    const Param* tensor = target(stmt.name, around);
    if (tensor == nullptr) return;
    for (const Expr& index : stmt.indices) check_expr(problems_, index, around);
    check_element(problems_, *tensor, stmt.indices, around);
    check_expr(problems_, stmt.value, around);
    if (stmt.value.empty()) return;
    problems_.require(stmt.value.dtype() == tensor->type.dtype, "gets ", stmt.value, " of ",
                      stmt.value.dtype(), " but is of ", tensor->type.dtype);
  }

  void check_copy(const Stmt& stmt, const Surroundings& around) {
    const Param* to = target(stmt.name, around);
    const Param* from = around.find_tensor(stmt.source);
    problems_.require(from != nullptr, "there is no '", stmt.source, "' to copy from");
    if (to == nullptr || from == nullptr) return;
    for (const auto* list : {&stmt.indices, &stmt.source_indices}) {
      for (const Expr& index : *list) check_expr(problems_, index, around);
    }
    problems_.require(to->type.dtype == from->type.dtype, "copies ", from->type.dtype, " to ",
                      to->type.dtype);
    check_element(problems_, *to, stmt.indices, around, stmt.extents);
    check_element(problems_, *from, stmt.source_indices, around, stmt.extents);
  }

  Problems& problems_;
  const Proc& proc_;
  std::set<std::string> written_;
  std::vector<std::unique_ptr<Param>> locals_;  ///< as parameters, so that scopes can point at them
};

}  // namespace

void check_kernel(Problems& problems, const Kernel& kernel) {
  const Problems::Place place(problems, "kernel " + kernel.name);
  KernelCheck(problems, kernel).run();
}

void check_proc(Problems& problems, const Proc& proc) {
  const Problems::Place place(problems, "proc " + proc.name);
  ProcCheck(problems, proc).run();
}

std::vector<std::string> problems(const Kernel& kernel) {
  Problems found;
  check_kernel(found, kernel);
  return found.take();
}

std::vector<std::string> problems(const Proc& proc) {
  Problems found;
  check_proc(found, proc);
  return found.take();
}

}  // namespace mlfc

// Loop programs as the body of a C99 function. The marks of a loop are not printed: what they ask
// for has either been done (unroll) or is plain to a C compiler (a constant number of lanes).
#include "codegen/c/c_function.h"

#include <algorithm>
#include <cmath>

#include "codegen/c/byte_products.h"
#include "codegen/c/c_expr.h"
#include "codegen/c/c_numbers.h"
#include "codegen/c/c_sums.h"
#include "ir/error.h"
#include "ir/operator.h"
#include "ir/print.h"

namespace mlfc {
namespace {

// Above this many elements an index may not fit 32 bits.
constexpr int64_t kMost32BitElements = int64_t{1} << 31;

std::vector<const Value*> present_inputs(const Node& node) {
  std::vector<const Value*> present;
  for (const Value* value : node.inputs) {
    if (value != nullptr) present.push_back(value);
  }
  return present;
}

// Of a constant that is small enough to look.
bool is_finite(const Tensor& tensor) {
  constexpr int64_t kMostElements = 1 << 16;
  if (!is_float(tensor.type.dtype) || tensor.type.elements() > kMostElements) return false;
  for (int64_t i = 0; i < tensor.type.elements(); ++i) {
    if (!std::isfinite(tensor.real(i))) return false;
  }
  return true;
}

class CBodyPrinter {
 public:
  CBodyPrinter(const Proc& proc, const Node& node, const Machine& machine)
      : has_fma_(machine.has_fma),
        has_f64_fma_(machine.has_fma && machine.has_fast_f64),
        printer_(scope_, needs_) {
    int64_t largest = 0;
    for (const auto* params : {&proc.inputs, &proc.outputs}) {
      for (const Param& param : *params) {
        scope_.tensors[param.name] = param.type;
        largest = std::max(largest, param.type.storage_elements());
      }
    }
    if (largest >= kMost32BitElements) scope_.index_type = "int64_t";
    const std::vector<const Value*> inputs = present_inputs(node);
    for (size_t i = 0; i < inputs.size() && i < proc.inputs.size(); ++i) {
      if (inputs[i]->is_constant() && is_finite(*inputs[i]->constant)) {
        scope_.numbers.insert(proc.inputs[i].name);
      }
    }
    scope_.numbers = numbers_in(proc, scope_.numbers);
    scope_.makes_integers = makes_integers_of_reals(proc);
    scratch_left_ = node.scratch.size();
    fitting_sums_ = sums_that_fit(proc);
  }

  std::string print(const std::vector<Stmt>& body) {
    print_all(body, 1);
    return std::move(text_);
  }

  CNeeds& needs() { return needs_; }
  const std::vector<std::string>& scratch_names() const { return scratch_names_; }

 private:
  void line(int depth, const std::string& content) {
    text_.append(static_cast<size_t>(2 * depth), ' ');
    text_ += content;
    text_ += '\n';
  }

  void print_all(const std::vector<Stmt>& body, int depth) {
    for (const Stmt& stmt : body) print_one(stmt, depth);
  }

  void print_one(const Stmt& stmt, int depth) {
    switch (stmt.kind) {
      case StmtKind::loop:
        return print_loop(stmt, depth);
      case StmtKind::local:
        return print_local(stmt, depth);
      case StmtKind::assign:
        return print_assign(stmt, depth);
      case StmtKind::accumulate:
        return print_accumulate(stmt, depth);
      case StmtKind::comment:
        return line(depth, "/* " + stmt.name + " */");
      case StmtKind::copy:
      case StmtKind::call:
        break;
    }
    throw InternalError("target c has no copies or calls; the schedule asked for one");
  }

  // A nest that an instruction computes becomes a call of its C function.
  bool print_instruction(const Stmt& stmt, int depth) {
    const std::optional<Instruction> instruction = candidate_for(stmt);
    if (!instruction) return false;
    scope_.ranges[stmt.name] = {0, stmt.end->integer - 1};
    const Stmt& inner = stmt.body[0];
    scope_.ranges[inner.name] = {
        0, inner.end->kind == ExprKind::constant ? inner.end->integer - 1 : 0};
    const auto operands = matched(
        *instruction, stmt,
        [&](const std::string& tensor, const std::vector<Expr>& indices) {
          return printer_.place(tensor, indices);
        },
        [&](const std::string& tensor) { return scope_.tensors.at(tensor).dtype; });
    scope_.ranges.erase(stmt.name);
    scope_.ranges.erase(inner.name);
    if (!operands) return false;
    std::vector<std::string> arguments;
    for (const Operand& operand : *operands) {
      const Expr place = simplified_index(operand.place, scope_.ranges);
      const bool is_start = is_literal(place, 0);
      arguments.push_back(operand.tensor + (is_start ? "" : " + " + printer_.index(place)));
    }
    needs_.helpers[instruction->name] = instruction->c_source;
    line(depth, fmt::format("{}({});", instruction->name, fmt::join(arguments, ", ")));
    return true;
  }

  void print_loop(const Stmt& stmt, int depth) {
    if (print_instruction(stmt, depth)) return;
    const std::string& i = stmt.name;
    const std::string step = stmt.step == 1 ? i + "++" : fmt::format("{} += {}", i, stmt.step);
    line(depth, fmt::format("for ({} {} = {}; {} < {}; {}) {{", scope_.index_type, i,
                            printer_.index(stmt.begin), i, printer_.index(stmt.end), step));
    const auto begin = range_of(stmt.begin, scope_.ranges), end = range_of(stmt.end, scope_.ranges);
    const auto outer = scope_.ranges.find(i);
    check(outer == scope_.ranges.end(), "two nested loops over ", i);
    if (begin && end) scope_.ranges[i] = {begin->first, end->last - 1};
    print_all(stmt.body, depth + 1);
    scope_.ranges.erase(i);
    line(depth, "}");
  }

  void print_local(const Stmt& stmt, int depth) {
    scope_.tensors[stmt.name] = TensorType{stmt.dtype, stmt.shape, {}};
    if (stmt.memory == "arena") {
      check(scratch_left_ > 0, "more locals in the arena than the node has scratch values");
      --scratch_left_;
      scratch_names_.push_back(stmt.name);
      return;  // a parameter of the function
    }
    const std::string type(info(stmt.dtype).c_name);
    if (stmt.shape.empty()) {
      scope_.scalars.insert(stmt.name);
      return line(depth, fmt::format("{} {};", type, stmt.name));
    }
    scope_.scalars.erase(stmt.name);
    line(depth, fmt::format("{} {}[{}] MLFC_ALIGNED;", type, stmt.name, element_count(stmt.shape)));
  }

  // A value ready to be stored as `dtype`: comparisons are int in C.
  std::string stored(const Expr& value, DType dtype) const {
    const std::string text = printer_.value(value);
    if (value.dtype() != DType::boolean) return text;
    return dtype == DType::boolean ? "(uint8_t)(" + text + ")" : text;
  }

  void print_assign(const Stmt& stmt, int depth) {
    const DType dtype = scope_.tensors.at(stmt.name).dtype;
    line(depth, fmt::format("{} = {};", printer_.element(stmt.name, stmt.indices),
                            stored(stmt.value, dtype)));
  }

  void print_accumulate(const Stmt& stmt, int depth) {
    const DType dtype = scope_.tensors.at(stmt.name).dtype;
    const std::string target = printer_.element(stmt.name, stmt.indices);
    if (const std::string fused = fused_sum(stmt, target); !fused.empty()) {
      return line(depth, fmt::format("{} = {};", target, fused));
    }
    const std::string value = printer_.value(stmt.value);
    const bool is_plain = is_float(dtype) || fitting_sums_.contains(stmt.name);
    const bool adds = is_plain && stmt.combine == Combine::sum;
    if (adds) return line(depth, fmt::format("{} += {};", target, value));
    line(depth, fmt::format("{} = {};", target,
                            printer_.combined(stmt.combine, dtype, target, "(" + value + ")")));
  }

  // One instruction where there is one; whatever a compiler may contract, it is the same.
  std::string fused_sum(const Stmt& stmt, const std::string& target) {
    const DType dtype = stmt.value.dtype();
    const bool fuses = (dtype == DType::f32 && has_fma_) || (dtype == DType::f64 && has_f64_fma_);
    const bool sums = fuses && stmt.combine == Combine::sum;
    const bool product = sums && is_call(stmt.value, "mul");
    if (!product) return "";
    needs_.math = true;
    return fmt::format("{}({}, {}, {})", dtype == DType::f32 ? "fmaf" : "fma",
                       printer_.value(stmt.value->args[0]), printer_.value(stmt.value->args[1]),
                       target);
  }

  bool has_fma_ = false;
  bool has_f64_fma_ = false;
  CScope scope_;
  CNeeds needs_;
  CExprPrinter printer_;
  std::string text_;
  std::set<std::string> fitting_sums_;  ///< locals whose sums cannot overflow
  size_t scratch_left_ = 0;
  std::vector<std::string> scratch_names_;
};

// Inputs that share storage with an output must not be promised to be distinct from it.
bool shares_storage(const Value& value, const Node& node) {
  return std::any_of(node.outputs.begin(), node.outputs.end(), [&](const Value* output) {
    return &storage_of(*output) == &storage_of(value);
  });
}

// Whether another parameter points into the output's storage.
bool is_shared(const Value& output, const Node& node, const Proc& proc,
               const std::set<std::string>& replaced) {
  const auto aliases = [&](const Value* value) {
    return value != &output && &storage_of(*value) == &storage_of(output);
  };
  const std::vector<const Value*> inputs = present_inputs(node);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (aliases(inputs[i]) && !replaced.contains(proc.inputs[i].name)) return true;
  }
  return std::any_of(node.outputs.begin(), node.outputs.end(), aliases);
}

// An input that lies exactly where the output does is read through the output: a compiler then
// sees that each element is read before it is written, and only that one. Returns the names that
// are no longer needed.
std::set<std::string> read_through_output(const Node& node, Proc& proc) {
  std::set<std::string> replaced;
  if (node.outputs.size() != 1) return replaced;
  const std::vector<const Value*> inputs = present_inputs(node);
  const Param& output = proc.outputs[0];
  for (size_t i = 0; i < inputs.size() && i < proc.inputs.size(); ++i) {
    const bool same_place = shares_storage(*inputs[i], node) && !inputs[i]->is_constant() &&
                            proc.inputs[i].type == output.type;
    if (same_place) replaced.insert(proc.inputs[i].name);
  }
  rewrite_exprs(proc.body, [&](const Expr& part) -> Expr {
    const bool is_it = part->kind == ExprKind::read && replaced.contains(part->name);
    return is_it ? read_expr(output.name, part.dtype(), part->args, part->otherwise) : Expr();
  });
  return replaced;
}

void add_parameters(EmittedFunction& function, const Node& node, const Proc& proc,
                    const std::set<std::string>& replaced,
                    const std::vector<std::string>& scratch_names) {
  const std::vector<const Value*> inputs = present_inputs(node);
  check(inputs.size() == proc.inputs.size() && node.outputs.size() == proc.outputs.size(),
        describe(node), ": the procedure's parameters are not the node's values");
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (replaced.contains(proc.inputs[i].name)) continue;
    const std::string restricted = shares_storage(*inputs[i], node) ? "" : " MLFC_RESTRICT";
    const std::string type(info(proc.inputs[i].type.dtype).c_name);
    function.parameters.push_back(
        {"const " + type + "*" + restricted, proc.inputs[i].name, inputs[i], false});
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const bool alone = !is_shared(*node.outputs[i], node, proc, replaced);
    const std::string restricted = alone ? " MLFC_RESTRICT" : "";
    const std::string type(info(proc.outputs[i].type.dtype).c_name);
    function.parameters.push_back(
        {type + "*" + restricted, proc.outputs[i].name, node.outputs[i], true});
  }
  for (size_t i = 0; i < scratch_names.size(); ++i) {
    const std::string type(info(node.scratch[i]->type.dtype).c_name);
    function.parameters.push_back(
        {type + "* MLFC_RESTRICT", scratch_names[i], node.scratch[i], true});
  }
}

// A runtime call: its C travels with the file as a static helper, and the function hands over.
EmittedFunction emit_call(const Node& node) {
  const RuntimeCall call = node.op->call(node);
  EmittedFunction function;
  function.node = &node;
  function.name = node.op->name;
  function.helpers = {"static " + call.c_source};
  std::vector<std::string> arguments;
  const auto add = [&](const Value& value, bool is_output) {
    const std::string type = std::string(info(value.type.dtype).c_name) + "*";
    const std::string name = fmt::format("p{}", arguments.size());
    function.parameters.push_back({is_output ? type : "const " + type, name, &value, is_output});
    arguments.push_back(name);
  };
  for (const Value* input : present_inputs(node)) add(*input, false);
  for (const Value* output : node.outputs) add(*output, true);
  function.body = fmt::format("  {}({});\n", call.c_name, fmt::join(arguments, ", "));
  function.comment = fmt::format("{}\n", fmt::join(node.sources, ", "));
  return function;
}

}  // namespace

EmittedFunction emit_c_function(const Node& node, const Machine& machine) {
  if (!node.proc && node.op->call != nullptr) return emit_call(node);
  check(node.proc.has_value(), describe(node), " has not been lowered to loops");
  Proc proc = *node.proc;
  const std::set<std::string> replaced = read_through_output(node, proc);
  CBodyPrinter printer(proc, node, machine);
  EmittedFunction function;
  function.node = &node;
  function.name = proc.name;
  function.body = printer.print(proc.body);
  add_parameters(function, node, proc, replaced, printer.scratch_names());
  function.needs_math = printer.needs().math;
  function.rounds_reals = printer.needs().rounds;
  for (const auto& [name, text] : printer.needs().helpers) function.helpers.push_back(text);
  if (!node.sources.empty()) function.comment = fmt::format("{}\n", fmt::join(node.sources, ", "));
  if (node.kernel) function.comment += to_text(*node.kernel);
  return function;
}

}  // namespace mlfc

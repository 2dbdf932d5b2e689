// Compares programs field by field, independently of their text.
#include "tests/unit/same_program.h"

#include <algorithm>

namespace mlfc {
namespace {

bool same_all(const std::vector<Expr>& a, const std::vector<Expr>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

bool same_params(const std::vector<Param>& a, const std::vector<Param>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Param& x, const Param& y) {
    return x.name == y.name && x.type == y.type;
  });
}

bool same_stage(const Stage& a, const Stage& b) {
  if (a.parallel != b.parallel || a.reduce != b.reduce) return false;
  if (a.reduction.has_value() != b.reduction.has_value()) return false;
  if (a.reduction) {
    const Reduction &x = *a.reduction, &y = *b.reduction;
    const bool alike = x.name == y.name && x.dtype == y.dtype && x.combine == y.combine &&
                       same(x.init, y.init) && same(x.body, y.body);
    if (!alike) return false;
  }
  if (a.store.has_value() != b.store.has_value()) return false;
  return !a.store ||
         (a.store->target == b.store->target && same_all(a.store->indices, b.store->indices) &&
          same(a.store->value, b.store->value));
}

bool same_body(const std::vector<Stmt>& a, const std::vector<Stmt>& b);

bool same_stmt(const Stmt& a, const Stmt& b) {
  return a.kind == b.kind && a.name == b.name && same(a.begin, b.begin) && same(a.end, b.end) &&
         a.step == b.step && same_body(a.body, b.body) && a.marks == b.marks &&
         a.dtype == b.dtype && a.shape == b.shape && a.memory == b.memory &&
         same_all(a.indices, b.indices) && same(a.value, b.value) && a.combine == b.combine &&
         a.source == b.source && same_all(a.source_indices, b.source_indices) &&
         a.extents == b.extents && same_all(a.args, b.args);
}

bool same_body(const std::vector<Stmt>& a, const std::vector<Stmt>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_stmt);
}

bool same_words(const Schedule& a, const Schedule& b) {
  const auto same_word = [](const Word& x, const Word& y) {
    return x.kind == y.kind && x.names == y.names && x.amount == y.amount && x.at == y.at &&
           x.memory == y.memory && x.is_double == y.is_double;
  };
  return std::equal(a.words.begin(), a.words.end(), b.words.begin(), b.words.end(), same_word);
}

std::string name_of(const Value* value) {
  return value == nullptr ? "_" : value->name;
}

bool same_names(const std::vector<Value*>& a, const std::vector<Value*>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Value* x, const Value* y) { return name_of(x) == name_of(y); });
}

std::string value_difference(const Value& a, const Value& b) {
  const bool alike = a.type == b.type && a.constant == b.constant && a.placement == b.placement &&
                     name_of(a.inside) == name_of(b.inside) &&
                     (a.producer == nullptr) == (b.producer == nullptr);
  return alike ? "" : "value " + a.name;
}

std::string node_difference(const Node& a, const Node& b) {
  const std::string where = "node " + (a.outputs.empty() ? a.name : name_of(a.outputs[0]));
  const bool alike =
      a.op == b.op && a.name == b.name && same_names(a.inputs, b.inputs) &&
      same_names(a.outputs, b.outputs) && a.attributes == b.attributes && a.sources == b.sources &&
      same_names(a.scratch, b.scratch) && a.is_free == b.is_free &&
      a.regions.size() == b.regions.size() && a.kernel.has_value() == b.kernel.has_value() &&
      a.schedule.has_value() == b.schedule.has_value() && a.proc.has_value() == b.proc.has_value();
  if (!alike) return where;
  for (size_t i = 0; i < a.regions.size(); ++i) {
    const std::string inner = program_difference(*a.regions[i], *b.regions[i]);
    if (!inner.empty()) return where + ": " + inner;
  }
  if (a.schedule && !same_words(*a.schedule, *b.schedule)) return where + ": schedule";
  std::string work = a.kernel ? program_difference(*a.kernel, *b.kernel) : "";
  if (work.empty() && a.proc) work = program_difference(*a.proc, *b.proc);
  return work.empty() ? "" : where + ": " + work;
}

}  // namespace

std::string program_difference(const Kernel& a, const Kernel& b) {
  if (a.name != b.name) return "kernel name";
  const bool same_interface = same_params(a.inputs, b.inputs) &&
                              same_params(a.outputs, b.outputs) &&
                              same_params(a.locals, b.locals) && a.axes == b.axes;
  if (!same_interface) return "kernel parameters, locals or axes";
  const bool alike =
      std::equal(a.stages.begin(), a.stages.end(), b.stages.begin(), b.stages.end(), same_stage);
  return alike ? "" : "kernel stages";
}

std::string program_difference(const Proc& a, const Proc& b) {
  const bool same_interface =
      a.name == b.name && same_params(a.inputs, b.inputs) && same_params(a.outputs, b.outputs);
  if (!same_interface) return "proc parameters";
  return same_body(a.body, b.body) ? "" : "proc body";
}

std::string program_difference(const Graph& a, const Graph& b) {
  const auto same_pool = [](const Pool& x, const Pool& y) {
    return x.name == y.name && x.bytes == y.bytes;
  };
  const bool same_interface =
      a.name == b.name && same_names(a.inputs, b.inputs) && same_names(a.outputs, b.outputs) &&
      std::equal(a.pools.begin(), a.pools.end(), b.pools.begin(), b.pools.end(), same_pool);
  if (!same_interface) return "name, inputs, outputs or pools of the graph";
  if (a.values.size() != b.values.size()) return "the number of values";
  for (const auto& value : a.values) {
    const Value* other = b.find_value(value->name);
    if (other == nullptr) return "value " + value->name + " is missing";
    const std::string problem = value_difference(*value, *other);
    if (!problem.empty()) return problem;
  }
  if (a.nodes.size() != b.nodes.size()) return "the number of nodes";
  for (auto x = a.nodes.begin(), y = b.nodes.begin(); x != a.nodes.end(); ++x, ++y) {
    const std::string problem = node_difference(**x, **y);
    if (!problem.empty()) return problem;
  }
  return "";
}

}  // namespace mlfc

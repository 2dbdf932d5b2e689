// Checks graphs: who defines which name, what every node may see, and that types, constants,
// kernels and loops say the same about each value.
#include "ir/verify.h"

#include <algorithm>
#include <set>

#include "ir/operator.h"
#include "ir/verify_parts.h"

namespace mlfc {
namespace {

class GraphCheck {
 public:
  explicit GraphCheck(Problems& problems) : problems_(problems) {}

  void run(const Graph& graph) {
    const Problems::Place place(problems_, describe(graph));
    std::set<const Value*> mine;
    for (const Value* input : graph.inputs) define(input, mine);
    check_values(graph, mine);
    for (const auto& node : graph.nodes) check(*node, graph, mine);
    for (const Value* output : graph.outputs) {
      problems_.require(output != nullptr && visible_.contains(output), "output ",
                        output == nullptr ? "nothing" : "'" + output->name + "'",
                        " is computed nowhere");
    }
    if (graph.outer == nullptr) check_ends(graph);
    for (const Value* value : mine) visible_.erase(value);
  }

 private:
  // Applications see the inputs and outputs, and know one order of elements only.
  void check_ends(const Graph& graph) {
    for (const auto* values : {&graph.inputs, &graph.outputs}) {
      for (const Value* value : *values) {
        if (value == nullptr || !value->type.layout) continue;
        const bool is_plain =
            value->type.explicit_layout() == value->type.plain().explicit_layout();
        problems_.require(is_plain, describe(*value),
                          " is an input or output of the model, but not stored row-major");
      }
    }
  }

  void define(const Value* value, std::set<const Value*>& mine) {
    if (!problems_.require(value != nullptr, "a value is missing")) return;
    const bool is_new = visible_.insert(value).second;
    problems_.require(is_new, describe(*value), " is defined twice");
    if (is_new) mine.insert(value);
  }

  void check_values(const Graph& graph, std::set<const Value*>& mine) {
    std::set<std::string> names;
    for (const auto& value : graph.values) {
      problems_.require(!value->name.empty() && names.insert(value->name).second,
                        "two values are called '", value->name, "'");
      problems_.require(!shadows(*value, graph), describe(*value),
                        " hides a value of that name of the graph around");
      if (value->type.dtype != DType::none) check_type(problems_, value->type, value->name);
      if (!value->is_constant()) continue;
      if (!visible_.contains(value.get())) define(value.get(), mine);
      check_constant(*value);
    }
  }

  static bool shadows(const Value& value, const Graph& graph) {
    for (const Graph* around = graph.outer; around != nullptr; around = around->outer) {
      if (around->find_value(value.name) != nullptr) return true;
    }
    return false;
  }

  void check_constant(const Value& value) {
    const Tensor& tensor = *value.constant;
    problems_.require(value.producer == nullptr, "constant '", value.name, "' has a producer");
    problems_.require(tensor.type == value.type, "constant '", value.name, "' is of ", value.type,
                      " but holds ", tensor.type);
    const auto wanted = static_cast<size_t>(tensor.type.storage_bytes());
    problems_.require(tensor.bytes.size() == wanted, "constant '", value.name, "' of ", tensor.type,
                      " has ", tensor.bytes.size(), " bytes, not ", wanted);
  }

  // --- nodes ------------------------------------------------------------------------------------

  void check(const Node& node, const Graph& graph, std::set<const Value*>& mine) {
    if (!problems_.require(node.op != nullptr, "a node without an operator")) return;
    const Problems::Place place(problems_, describe(node));
    for (const Value* input : node.inputs) {
      if (input == nullptr) continue;
      problems_.require(visible_.contains(input), "reads '", input->name,
                        "' before it is computed");
    }
    for (const auto& region : node.regions) {
      problems_.require(region->outer == &graph, "the region '", region->name,
                        "' does not know the graph around it");
      run(*region);
    }
    for (const Value* output : node.outputs) {
      define(output, mine);
      if (output == nullptr) continue;
      problems_.require(output->producer == &node, "'", output->name, "' names another producer");
    }
    for (const Value* buffer : node.scratch) define(buffer, mine);
    const bool is_lowered = node.kernel || node.proc;
    if (!is_lowered) check_declaration(node);
    check_work(node);
  }

  // A node whose work is its operator has the operands and attributes the operator declares.
  void check_declaration(const Node& node) {
    const std::vector<std::string>& declared = node.op->inputs;
    const bool is_variadic = !declared.empty() && parse_slot(declared.back()).variadic;
    problems_.require(is_variadic || node.inputs.size() <= declared.size(), "has ",
                      node.inputs.size(), " inputs; ", node.op->name, " takes ", declared.size());
    const size_t slots = declared.empty() ? 0 : std::max(declared.size(), node.inputs.size());
    for (size_t i = 0; i < slots; ++i) {
      const Slot slot = parse_slot(declared[std::min(i, declared.size() - 1)]);
      const bool is_given = node.has_input(static_cast<int>(i));
      const bool is_ended = slot.variadic && i > 0 && i >= node.inputs.size();
      problems_.require(is_given || slot.optional || is_ended, "input '", slot.name,
                        "' is missing");
    }
    const auto& outputs = node.op->outputs;
    const bool many = !outputs.empty() && parse_slot(outputs.back()).variadic;
    problems_.require(many || node.outputs.size() <= outputs.size(), "has ", node.outputs.size(),
                      " outputs; ", node.op->name, " gives ", outputs.size());
    check_attributes(node);
  }

  void check_attributes(const Node& node) {
    const auto& specs = node.op->attributes;
    for (const auto& [name, value] : node.attributes) {
      const auto spec = std::find_if(specs.begin(), specs.end(),
                                     [&](const AttributeSpec& s) { return s.name == name; });
      if (!problems_.require(spec != specs.end(), "attribute '", name, "' is not one of ",
                             node.op->name)) {
        continue;
      }
      problems_.require(spec->fallback.index() == value.index(), "attribute '", name,
                        "' should be ", kind_of(spec->fallback), ", not ", kind_of(value));
    }
    for (const AttributeSpec& spec : specs) {
      problems_.require(!spec.required || node.has(spec.name), "attribute '", spec.name,
                        "' is missing");
    }
  }

  static std::string kind_of(const Attribute& attribute) {
    struct Name {
      std::string operator()(int64_t) const { return "an integer"; }
      std::string operator()(double) const { return "a real number"; }
      std::string operator()(const std::string&) const { return "a text"; }
      std::string operator()(const std::vector<int64_t>&) const { return "a list of integers"; }
      std::string operator()(const std::vector<double>&) const { return "a list of reals"; }
      std::string operator()(const std::vector<std::string>&) const { return "a list of texts"; }
      std::string operator()(const Tensor&) const { return "a tensor"; }
    };
    return std::visit(Name(), attribute);
  }

  void check_work(const Node& node) {
    if (node.kernel) {
      check_kernel(problems_, *node.kernel);
      check_params(node, node.kernel->inputs, node.kernel->outputs, "kernel");
    }
    problems_.require(node.kernel || !node.schedule, "has a schedule but no kernel");
    if (node.kernel && node.schedule) {
      const std::string why = why_illegal(*node.schedule, *node.kernel);
      problems_.require(why.empty(), "its schedule is illegal: ", why);
    }
    if (node.proc) {
      check_proc(problems_, *node.proc);
      check_params(node, node.proc->inputs, node.proc->outputs, "proc");
    }
  }

  void check_params(const Node& node, const std::vector<Param>& inputs,
                    const std::vector<Param>& outputs, std::string_view level) {
    std::vector<const Value*> present;
    for (const Value* input : node.inputs) {
      if (input != nullptr) present.push_back(input);
    }
    check_params(present, inputs, level, "inputs");
    check_params({node.outputs.begin(), node.outputs.end()}, outputs, level, "outputs");
  }

  void check_params(const std::vector<const Value*>& values, const std::vector<Param>& params,
                    std::string_view level, std::string_view side) {
    const bool fit = problems_.require(values.size() == params.size(), "its ", level, " has ",
                                       params.size(), " ", side, " for ", values.size(), " values");
    if (!fit) return;
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] == nullptr) continue;
      const TensorType& value = values[i]->type;
      const TensorType& param = params[i].type;
      problems_.require(value.dtype == param.dtype && value.shape == param.shape, "its ", level,
                        " takes '", values[i]->name, "' of ", value, " as ", params[i].name, " of ",
                        param);
    }
  }

  Problems& problems_;
  std::set<const Value*> visible_;
};

}  // namespace

std::vector<std::string> problems(const Graph& graph) {
  Problems found;
  GraphCheck(found).run(graph);
  check_memory(found, graph);
  return found.take();
}

void verify(const Graph& graph, const std::string& after) {
  constexpr size_t most_shown = 5;
  const std::vector<std::string> found = problems(graph);
  if (found.empty()) return;
  std::string text = "the program is not well formed after " + after + ":";
  for (size_t i = 0; i < std::min(found.size(), most_shown); ++i) text += "\n  " + found[i];
  if (found.size() > most_shown) {
    text += fmt::format("\n  and {} more", found.size() - most_shown);
  }
  throw InternalError(text);
}

}  // namespace mlfc

// src/<module>.relay: the program as text for people, in a syntax whose `def @main(` line tools
// parse: each input as `%name: Tensor[(1, 3), float32]`, the outputs after `->`, and their names in
// output_tensor_names when there are several. Names on that line are those of the C structs; a
// comment above lists what the model called them.
#include <fmt/format.h>

#include <unordered_map>

#include "codegen/mlf/names.h"
#include "codegen/mlf/writers.h"
#include "ir/operator.h"

namespace mlfc {
namespace {

std::string tensor_type(const TensorType& type) {
  return fmt::format("Tensor[({}), {}]", fmt::join(type.shape, ", "), info(type.dtype).numpy_name);
}

std::string main_line(const PackagedModel& model) {
  std::vector<std::string> parameters, types, names;
  for (const PackagedTensor& input : model.inputs) {
    parameters.push_back("%" + input.member + ": " + tensor_type(input.value->type));
  }
  for (const PackagedTensor& output : model.outputs) {
    types.push_back(tensor_type(output.value->type));
    names.push_back("\"" + output.member + "\"");
  }
  // A single output needs no name: readers call it `output`, as the struct does.
  const bool has_default_names = names.size() == 1 && names[0] == "\"output\"";
  if (!has_default_names) {
    parameters.push_back(fmt::format("output_tensor_names=[{}]", fmt::join(names, ", ")));
  }
  const std::string result =
      types.size() == 1 ? types[0] : fmt::format("({})", fmt::join(types, ", "));
  return fmt::format("def @main({}) -> {} {{\n", fmt::join(parameters, ", "), result);
}

// Values get the numbers of their order; inputs and constants keep their names.
class Printer {
 public:
  explicit Printer(const PackagedModel& model) {
    for (const PackagedTensor& input : model.inputs) names_[input.value] = "%" + input.member;
  }

  std::string use(const Value* value) {
    if (!value) return "none";
    const auto known = names_.find(value);
    if (known != names_.end()) return known->second;
    return value->is_constant() ? "meta[" + comment_line(value->name) + "]" : "%?";
  }

  std::string node_line(const Node& node) {
    std::vector<std::string> inputs, types;
    for (const Value* input : node.inputs) inputs.push_back(use(input));
    const std::string name = fmt::format("%{}", next_++);
    for (size_t i = 0; i < node.outputs.size(); i++) {
      const bool is_tuple = node.outputs.size() > 1;
      names_[node.outputs[i]] = is_tuple ? fmt::format("{}.{}", name, i) : name;
      types.push_back(tensor_type(node.outputs[i]->type));
    }
    std::string sources;
    for (const std::string& source : node.sources) {
      sources += (sources.empty() ? "" : ", ") + source;
    }
    if (sources.empty()) sources = node.name;
    return fmt::format("  {} = {}({}) /* ty={} span={} */;\n", name, node.op->name,
                       fmt::join(inputs, ", "), fmt::join(types, ", "), comment_line(sources));
  }

 private:
  std::unordered_map<const Value*, std::string> names_;
  int next_ = 0;
};

std::string name_table(const PackagedModel& model) {
  std::string table;
  for (const PackagedTensor& input : model.inputs) {
    if (input.name == input.member) continue;
    table += "// input " + input.member + " is " + comment_line(input.name) + "\n";
  }
  for (const PackagedTensor& output : model.outputs) {
    if (output.value->name == output.member) continue;
    table += "// output " + output.member + " is " + comment_line(output.value->name) + "\n";
  }
  return table;
}

}  // namespace

std::string relay_text(const PackagedModel& model) {
  std::string text = "#[version = \"0.0.5\"]\n" + name_table(model) + main_line(model);
  Printer printer(model);
  for (const std::unique_ptr<Node>& node : model.graph->nodes) text += printer.node_line(*node);
  std::vector<std::string> results;
  for (const Value* output : model.graph->outputs) results.push_back(printer.use(output));
  const std::string result = fmt::format("{}", fmt::join(results, ", "));
  text += results.size() == 1 ? "  " + result + "\n" : "  (" + result + ")\n";
  text += "}\n";
  return text;
}

}  // namespace mlfc

// Turns nodes into foreign nodes, lets their operators put them into ONNX's form, and writes down
// the result.
#include "frontend/onnx/export.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <map>
#include <set>

#include "frontend/onnx/tensor_data.h"
#include "ir/error.h"
#include "ir/operator.h"

namespace mlfc {
namespace {

constexpr int64_t oldest_written = 13;

/// The IR version that tools of an opset's time read.
int64_t ir_version_of(int64_t opset) {
  if (opset <= 18) return 8;
  if (opset <= 20) return 9;
  return opset <= 22 ? 10 : 11;
}

/// "com.microsoft.Gelu" to its two parts; ONNX's own domain is "".
std::pair<std::string, std::string> domain_and_type(const std::string& name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string::npos) return {"", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

void set_type(const TensorType& type, onnx::TypeProto& proto) {
  auto& tensor = *proto.mutable_tensor_type();
  tensor.set_elem_type(onnx_elem_type(type.dtype));
  auto& shape = *tensor.mutable_shape();
  for (const int64_t extent : type.shape) shape.add_dim()->set_dim_value(extent);
}

struct AttributeWriter {
  onnx::AttributeProto& proto;

  void operator()(int64_t value) const {
    proto.set_type(onnx::AttributeProto::INT);
    proto.set_i(value);
  }
  void operator()(double value) const {
    proto.set_type(onnx::AttributeProto::FLOAT);
    proto.set_f(static_cast<float>(value));
  }
  void operator()(const std::string& value) const {
    proto.set_type(onnx::AttributeProto::STRING);
    proto.set_s(value);
  }
  void operator()(const std::vector<int64_t>& values) const {
    proto.set_type(onnx::AttributeProto::INTS);
    for (const int64_t value : values) proto.add_ints(value);
  }
  void operator()(const std::vector<double>& values) const {
    proto.set_type(onnx::AttributeProto::FLOATS);
    for (const double value : values) proto.add_floats(static_cast<float>(value));
  }
  void operator()(const std::vector<std::string>& values) const {
    proto.set_type(onnx::AttributeProto::STRINGS);
    for (const std::string& value : values) proto.add_strings(value);
  }
  void operator()(const Tensor& value) const {
    proto.set_type(onnx::AttributeProto::TENSOR);
    write_tensor(value, "", *proto.mutable_t());
  }
};

class Exporter {
 public:
  explicit Exporter(const Graph& graph) : graph_(graph) {
    for (const auto& value : graph.values) taken_.insert(value->name);
  }

  std::string run() {
    check_spellings();
    model_.set_producer_name("mlfc");
    onnx::GraphProto& proto = *model_.mutable_graph();
    proto.set_name(graph_.name);
    for (const Value* input : graph_.inputs) write_value(*input, *proto.add_input());
    for (const auto& node : graph_.nodes) write_node(*node, proto);
    for (const Value* output : graph_.outputs) {
      if (output->producer == nullptr) hand_on(*output, proto);
      write_value(*output, *proto.add_output());
    }
    write_constants(proto);
    for (const auto& [domain, version] : opsets_) {
      onnx::OperatorSetIdProto& import = *model_.add_opset_import();
      import.set_domain(domain);
      import.set_version(version);
    }
    model_.set_ir_version(ir_version_of(opsets_[""]));
    if (model_.ByteSizeLong() >= (size_t{1} << 31)) {
      fail("", "the model is larger than 2 GiB, the limit of the format");
    }
    return model_.SerializeAsString();
  }

 private:
  void check_spellings() const {
    std::set<std::string> unknown;
    for (const auto& node : graph_.nodes) {
      if (node->kernel || node->proc) {
        fail(*node, "has been lowered; only a graph of operators can be written as ONNX");
      }
      const bool has_name = !node->op->onnx.empty() || node->op->offer != nullptr;
      if (!has_name || !node->regions.empty()) unknown.insert(node->op->name);
    }
    if (unknown.empty()) return;
    fail("", "the graph cannot be written as ONNX, which has nothing for ",
         fmt::format("{}", fmt::join(unknown, ", ")));
  }

  void write_value(const Value& value, onnx::ValueInfoProto& info) {
    info.set_name(name_of(value));
    if (value.type.dtype != DType::none) set_type(value.type, *info.mutable_type());
  }

  /// Names of the graph as they are; those of constants that hooks added, made unique.
  const std::string& name_of(const Value& value) {
    const auto found = names_.find(&value);
    if (found != names_.end()) return found->second;
    std::string name = value.name;
    if (graph_.find_value(name) != &value) {
      for (int suffix = 1; !taken_.insert(name).second; ++suffix) {
        name = fmt::format("{}.{}", value.name, suffix);
      }
    }
    return names_[&value] = name;
  }

  /// Several nodes of ours may come from one of the model's; readers want names of their own.
  std::string unique_node_name(const std::string& name) {
    std::string unique = name;
    for (int suffix = 1; !node_names_.insert(unique).second; ++suffix) {
      unique = fmt::format("{}.{}", name, suffix);
    }
    return unique;
  }

  /// In ONNX a graph's output has to be some node's.
  void hand_on(const Value& output, onnx::GraphProto& proto) {
    const std::string source = name_of(output) + "/source";
    onnx::NodeProto& node = *proto.add_node();
    node.set_op_type("Identity");
    node.add_input(source);
    node.add_output(name_of(output));
    check(output.is_constant(), "the output '", output.name, "' is an input as well");
    write_tensor(*output.constant, source, *proto.add_initializer());
  }

  ForeignNode foreign_node(const Node& node) {
    ForeignNode foreign;
    const auto [domain, type] = node.op->onnx.empty() ? std::pair<std::string, std::string>()
                                                      : domain_and_type(node.op->onnx[0]);
    foreign.domain = domain;
    foreign.op_type = type;
    foreign.opset = domain.empty() ? node.op->onnx_opset : 1;
    foreign.name = node.name;
    foreign.inputs = node.inputs;
    for (const Value* output : node.outputs) foreign.outputs.push_back(output->name);
    foreign.attributes = node.attributes;
    foreign.graph = &additions_;
    if (node.op->offer != nullptr) node.op->offer(foreign);
    return foreign;
  }

  void write_node(const Node& node, onnx::GraphProto& proto) {
    const ForeignNode foreign = foreign_node(node);
    int64_t& opset = opsets_[foreign.domain];
    opset = std::max(opset, foreign.opset);
    onnx::NodeProto& written = *proto.add_node();
    written.set_op_type(foreign.op_type);
    if (!foreign.domain.empty()) written.set_domain(foreign.domain);
    if (!node.name.empty()) written.set_name(unique_node_name(node.name));
    for (const Value* input : foreign.inputs) {
      written.add_input(input == nullptr ? "" : name_of(*input));
      if (input != nullptr && input->is_constant()) ordered_.push_back(input);
    }
    while (written.input_size() > 0 && written.input(written.input_size() - 1).empty()) {
      written.mutable_input()->RemoveLast();
    }
    write_outputs(node, written, proto);
    for (const auto& [name, attribute] : foreign.attributes) {
      if (!is_empty(attribute)) write_attribute(name, attribute, *written.add_attribute());
    }
  }

  /// An empty list is what an absent attribute means.
  static bool is_empty(const Attribute& attribute) {
    const auto* list = std::get_if<std::vector<int64_t>>(&attribute);
    return list != nullptr && list->empty();
  }

  static void write_attribute(const std::string& name, const Attribute& attribute,
                              onnx::AttributeProto& proto) {
    proto.set_name(name);
    std::visit(AttributeWriter{proto}, attribute);
  }

  /// Optional outputs that nobody reads are left out.
  void write_outputs(const Node& node, onnx::NodeProto& written, onnx::GraphProto& proto) {
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const Value& output = *node.outputs[i];
      const std::vector<std::string>& declared = node.op->outputs;
      const Slot slot = parse_slot(declared[std::min(i, declared.size() - 1)]);
      const bool unused = graph_.users(output).empty() && !graph_.is_output(output);
      const bool left_out = unused && slot.optional;
      written.add_output(left_out ? "" : name_of(output));
      const bool is_inner = !left_out && !graph_.is_output(output);
      if (is_inner && output.type.dtype != DType::none)
        write_value(output, *proto.add_value_info());
    }
    while (written.output_size() > 1 && written.output(written.output_size() - 1).empty()) {
      written.mutable_output()->RemoveLast();
    }
  }

  void write_constants(onnx::GraphProto& proto) {
    std::set<const Value*> written;
    for (const Value* constant : ordered_) {
      if (!written.insert(constant).second) continue;
      write_tensor(*constant->constant, name_of(*constant), *proto.add_initializer());
    }
  }

  const Graph& graph_;
  onnx::ModelProto model_ = {};
  std::map<std::string, int64_t> opsets_ = {{"", oldest_written}};
  Graph additions_ = {};                   ///< constants that attributes turned into
  std::set<std::string> taken_ = {};       ///< names of values
  std::set<std::string> node_names_ = {};  ///< names given so far
  std::map<const Value*, std::string> names_ = {};
  std::vector<const Value*> ordered_ = {};  ///< constants as nodes read them
};

}  // namespace

std::string export_onnx_tensor(const Tensor& tensor, const std::string& name) {
  onnx::TensorProto proto;
  write_tensor(tensor, name, proto);
  return proto.SerializeAsString();
}

std::string export_onnx(const Graph& graph) {
  return Exporter(graph).run();
}

}  // namespace mlfc

// Prints graphs: values, constants and their data, nodes and whatever their work is by now.
//
//   graph tiny(%x: f32[1,8,16,16]) -> (%y) {
//     pool workspace 16384
//     %w = constant @w : f32[16,8,3,3]
//     %b = constant [0.5, 1] : f32[2]
//     %y = conv(%x, %w, _) {pads=[1,1,1,1]} : f32[1,16,16,16] at workspace+0 from "Conv_3" {
//       kernel conv(...) ...
//     }
//   }
//   data @w base64"..."
#include "ir/print.h"

#include <set>

#include "ir/base64.h"
#include "ir/error.h"
#include "ir/operator.h"
#include "ir/print_parts.h"

namespace mlfc {
namespace {

// Wide enough to keep a megabyte under ten thousand lines, narrow enough for an editor.
constexpr size_t kDataLine = 100;

std::string value_text(const Value* value) {
  return value == nullptr ? "_" : sigil_text('%', value->name);
}

std::string values_text(const std::vector<Value*>& values) {
  std::string text;
  for (const Value* value : values) {
    if (!text.empty()) text += ", ";
    text += value_text(value);
  }
  return text;
}

//  inside %z at workspace+64
std::string place_text(const Value& value) {
  std::string text;
  if (value.inside != nullptr) text += " inside " + value_text(value.inside);
  if (value.placement) {
    text += fmt::format(" at {}+{}", name_text(value.placement->pool), value.placement->offset);
  }
  return text;
}

// Everything about a value besides its name: f32[4] inside %z at workspace+64
std::string storage_text(const Value& value) {
  return type_text(value.type) + place_text(value);
}

// %x: f32[4], %y: f32[2]
std::string declared_text(const std::vector<Value*>& values) {
  std::string text;
  for (const Value* value : values) {
    if (!text.empty()) text += ", ";
    text += value_text(value) + ": " + storage_text(*value);
  }
  return text;
}

std::string strings_text(const std::vector<std::string>& strings) {
  std::string text;
  for (const std::string& string : strings) {
    if (!text.empty()) text += ", ";
    text += quoted(string);
  }
  return text;
}

// Attributes without tensors; an empty list says what it is a list of.
struct AttributeText {
  std::string operator()(int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const { return marked_real_text(value); }
  std::string operator()(const std::string& value) const { return quoted(value); }
  std::string operator()(const std::vector<int64_t>& values) const { return to_text(values); }
  std::string operator()(const std::vector<double>& values) const {
    if (values.empty()) return "reals []";
    std::string text;
    for (const double value : values) text += (text.empty() ? "[" : ",") + marked_real_text(value);
    return text + "]";
  }
  std::string operator()(const std::vector<std::string>& values) const {
    return values.empty() ? "strings []" : "[" + strings_text(values) + "]";
  }
  std::string operator()(const Tensor& tensor) const {
    return "tensor " + elements_text(tensor) + " : " + type_text(tensor.type);
  }
};

class GraphPrinter {
 public:
  explicit GraphPrinter(const PrintOptions& options) : options_(options) {}

  std::string print(const Graph& graph) {
    write_graph(graph, "graph");
    std::string text = writer_.take();
    if (options_.elide_data) return text;
    for (const auto& [name, tensor] : data_) {
      text += "data " + sigil_text('@', name) + " base64\"\n" +
              to_base64(tensor->bytes, kDataLine) + "\"\n";
    }
    return text;
  }

  std::string print(const Node& node) {
    write_node(node);
    return writer_.take();
  }

 private:
  void write_graph(const Graph& graph, std::string_view keyword) {
    writer_.open(fmt::format("{} {}({}) -> ({}) {{", keyword, name_text(graph.name),
                             declared_text(graph.inputs), values_text(graph.outputs)));
    for (const Pool& pool : graph.pools) {
      writer_.line(fmt::format("pool {} {}", name_text(pool.name), pool.bytes));
    }
    write_loose_values(graph);
    for (const auto& node : graph.nodes) write_node(*node);
    writer_.close();
  }

  // Constants, and values that nothing on a node's line declares.
  void write_loose_values(const Graph& graph) {
    std::set<const Value*> declared(graph.inputs.begin(), graph.inputs.end());
    for (const auto& node : graph.nodes) {
      declared.insert(node->outputs.begin(), node->outputs.end());
      declared.insert(node->scratch.begin(), node->scratch.end());
    }
    for (const auto& value : graph.values) {
      const std::string name = value_text(value.get());
      if (value->is_constant()) {
        const std::string tensor = tensor_text(*value->constant, value->name);
        writer_.line(name + " = constant " + tensor + " : " + type_text(value->constant->type) +
                     place_text(*value));
      } else if (!declared.contains(value.get())) {
        writer_.line("value " + name + ": " + storage_text(*value));
      }
    }
  }

  void write_node(const Node& node) {
    std::string text;
    if (!node.outputs.empty()) text = values_text(node.outputs) + " = ";
    text += name_text(node.op->name) + "(" + values_text(node.inputs) + ")";
    const std::string attributes = attributes_text(node);
    const std::string clauses = clauses_text(node);
    const bool has_body = !node.regions.empty() || node.kernel || node.schedule || node.proc;
    // Braces right behind the operands are attributes; a body needs something between.
    const bool keeps_apart = has_body && clauses.empty();
    if (!attributes.empty() || keeps_apart) text += " {" + attributes + "}";
    text += clauses;
    if (!has_body) return writer_.line(text);
    writer_.open(text + " {");
    for (const auto& region : node.regions) write_graph(*region, "region");
    if (node.kernel) write_kernel(writer_, *node.kernel);
    if (node.schedule) write_schedule(writer_, *node.schedule, "");
    if (node.proc) write_proc(writer_, *node.proc);
    writer_.close();
  }

  std::string attributes_text(const Node& node) {
    std::string text;
    for (const auto& [name, value] : node.attributes) {
      if (!text.empty()) text += ", ";
      text += name_text(name) + "=";
      if (const auto* tensor = std::get_if<Tensor>(&value)) {
        const std::string base = node.outputs.empty() ? node.name : node.outputs[0]->name;
        text +=
            "tensor " + tensor_text(*tensor, base + "." + name) + " : " + type_text(tensor->type);
      } else {
        text += std::visit(AttributeText(), value);
      }
    }
    return text;
  }

  // What stands between the attributes and the body.
  static std::string clauses_text(const Node& node) {
    std::string types;
    bool says_something = false;
    for (const Value* output : node.outputs) {
      const std::string one = output == nullptr ? "?" : storage_text(*output);
      says_something |= one != "?";
      types += (types.empty() ? " : " : ", ") + one;
    }
    std::string text = says_something ? types : "";
    // The first source is the usual name of a node and is not said twice.
    const std::string usual = node.sources.empty() ? "" : node.sources.front();
    if (node.name != usual) text += " named " + quoted(node.name);
    if (!node.sources.empty()) text += " from " + strings_text(node.sources);
    if (node.is_free) text += " free";
    if (!node.scratch.empty()) text += " scratch " + declared_text(node.scratch);
    return text;
  }

  // The elements, or @name with the bytes to follow behind the program.
  std::string tensor_text(const Tensor& tensor, const std::string& wanted) {
    const bool is_small = tensor.type.storage_elements() <= options_.inline_elements;
    if (is_small && elements_keep_bits(tensor)) return elements_text(tensor);
    std::string name = wanted;
    for (int suffix = 1; !data_names_.insert(name).second; ++suffix) {
      name = fmt::format("{}.{}", wanted, suffix);
    }
    data_.emplace_back(name, &tensor);
    return sigil_text('@', name);
  }

  PrintOptions options_;
  TextWriter writer_;
  std::vector<std::pair<std::string, const Tensor*>> data_;
  std::set<std::string> data_names_;
};

}  // namespace

std::string to_text(const Graph& graph, const PrintOptions& options) {
  return GraphPrinter(options).print(graph);
}

std::string to_text(const Node& node) {
  std::string text = GraphPrinter({.elide_data = true}).print(node);
  if (!text.empty()) text.pop_back();  // messages put nodes into sentences
  return text;
}

std::string to_text(const Attribute& attribute) {
  const auto* tensor = std::get_if<Tensor>(&attribute);
  const bool is_large =
      tensor != nullptr && tensor->type.storage_elements() > PrintOptions().inline_elements;
  return is_large ? "tensor " + type_text(tensor->type) : std::visit(AttributeText(), attribute);
}

}  // namespace mlfc

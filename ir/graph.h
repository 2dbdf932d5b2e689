// The graph is the spine of a program from import to code: nodes in execution order, values between
// them. What a node *does* changes level as compilation proceeds - an operator, then a kernel with
// a schedule, then a procedure of loops - while the node, its values and their names stay.
//
// The graph owns its values and nodes; everything else borrows. Nodes are kept in an order in which
// they can run. A node may own regions: sub-graphs for control flow, which may use values of the
// graphs around them.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "ir/kernel.h"
#include "ir/loop.h"
#include "ir/schedule.h"
#include "ir/tensor.h"
#include "ir/type.h"

namespace mlfc {

struct Graph;
struct Node;
struct Operator;

/// Where a planned value lives: `offset` bytes into the pool of that name. Values without a
/// placement are graph inputs and outputs (the caller's buffers) or constants.
struct Placement {
  std::string pool = {};
  int64_t offset = 0;
  bool operator==(const Placement&) const = default;
};

struct Value {
  std::string name = {};                ///< unique in its graph; as the model spells it
  TensorType type = {};                 ///< dtype none until infer-types has run
  Node* producer = nullptr;             ///< null: graph input or constant
  std::optional<Tensor> constant = {};  ///< present: known at compile time
  /// Present: this value has no storage of its own but lives inside that value's storage, at the
  /// places its type's layout says (relative to the start of the other value's storage).
  Value* inside = nullptr;
  std::optional<Placement> placement = {};

  bool is_constant() const { return constant.has_value(); }
};

using Attribute = std::variant<int64_t, double, std::string, std::vector<int64_t>,
                               std::vector<double>, std::vector<std::string>, Tensor>;
using Attributes = std::map<std::string, Attribute>;

struct Node {
  const Operator* op = nullptr;     ///< never null; a fused node keeps its main operator
  std::string name = {};            ///< as the model spells it; may be empty
  std::vector<Value*> inputs = {};  ///< null where an optional input is absent
  std::vector<Value*> outputs = {};
  Attributes attributes = {};
  std::vector<std::unique_ptr<Graph>> regions = {};
  /// Names of the model's nodes that this one computes, for comments, profiles and messages.
  std::vector<std::string> sources = {};

  /// The node's work once it is lowered. `kernel` inputs/outputs correspond one to one, in order,
  /// to the node's non-null inputs and outputs. A node with a proc has been lowered to loops.
  std::optional<Kernel> kernel = {};
  std::optional<Schedule> schedule = {};
  std::optional<Proc> proc = {};
  /// Buffers the proc needs while it runs and that are too large for the stack: its `local ... in
  /// arena` statements, in order. Owned by the graph and planned like every other value.
  std::vector<Value*> scratch = {};
  /// True when the outputs are views of the inputs (or the inputs were built inside the output):
  /// nothing has to run.
  bool is_free = false;

  Value& input(int index) const;  ///< check()s presence
  Value& output(int index = 0) const;
  bool has_input(int index) const;

  // Attributes by name; the operator's declared default when the node does not carry it.
  bool has(const std::string& name) const;
  int64_t integer(const std::string& name) const;
  double real(const std::string& name) const;
  const std::string& text(const std::string& name) const;
  std::vector<int64_t> integers(const std::string& name) const;
  std::vector<double> reals(const std::string& name) const;
  const Tensor& tensor(const std::string& name) const;
};

struct Pool {
  std::string name = {};
  int64_t bytes = 0;  ///< what the plan needs
};

struct Graph {
  std::string name = "main";
  std::vector<Value*> inputs = {};
  std::vector<Value*> outputs = {};
  std::list<std::unique_ptr<Node>> nodes = {};
  std::vector<std::unique_ptr<Value>> values = {};
  std::vector<Pool> pools = {};
  Graph* outer = nullptr;  ///< the graph around a region; null for main

  Graph() = default;
  Graph(Graph&&) = delete;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// A new value; the name is made unique by a suffix when taken ("%" is not part of names).
  Value& add_value(const std::string& name, TensorType type = {});
  Value& add_input(const std::string& name, TensorType type);
  Value& add_constant(const std::string& name, Tensor tensor);
  using Position = std::list<std::unique_ptr<Node>>::iterator;
  /// A new node before `before` (default: at the end), with new values for its outputs.
  Node& add_node(const Operator& op, std::vector<Value*> node_inputs,
                 const std::vector<std::string>& output_names, Attributes attributes = {});
  Node& insert_node(Position before, const Operator& op, std::vector<Value*> node_inputs,
                    const std::vector<std::string>& output_names, Attributes attributes = {});
  Position position(const Node& node);

  /// Every use of `from` - by nodes, regions and as graph output - becomes a use of `to`.
  void replace_uses(const Value& from, Value& to);
  /// Removes a node whose outputs nobody uses (check()ed), and its output values.
  void erase(const Node& node);
  /// Removes a value that nothing refers to any more.
  void erase_value(const Value& value);
  /// Removes nodes and constants that no output depends on.
  void remove_unused();

  /// Nodes that read the value, each once per use, in order; uses inside regions count for the node
  /// that owns the region.
  std::vector<Node*> users(const Value& value) const;
  bool is_output(const Value& value) const;
  bool is_input(const Value& value) const;
  Value* find_value(const std::string& value_name) const;  ///< this graph only
  void rename(Value& value, const std::string& new_name);
  const Pool* find_pool(const std::string& pool_name) const;

  // Kept by the functions above.
  std::unordered_map<std::string, Value*> by_name = {};
  std::unordered_map<std::string, int> next_suffix = {};
};

/// The value whose storage `value` lives in: follows `inside` to its end.
const Value& storage_of(const Value& value);
Value& storage_of(Value& value);

/// "conv 'block1/conv' (conv)" - how messages name a node or a value.
std::string describe(const Node& node);
std::string describe(const Value& value);
std::string describe(const Graph& graph);

}  // namespace mlfc

// The conversion under way: what every tensor of a subgraph stands for so far, and what the whole
// model shares. Private to the importer and TfliteNode.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "frontend/tflite/import.h"
#include "frontend/tflite/rule.h"

namespace mlfc {

/// The budgets against models that are made to exhaust us: a few hundred bytes can ask for loops
/// within loops. All of them together are gone within a second or so.
constexpr int max_tflite_depth = 32;
constexpr int64_t max_tflite_steps = 200'000;
constexpr int64_t max_tflite_points = int64_t{1} << 27;
constexpr int64_t max_tflite_variable_bytes = int64_t{1} << 26;
constexpr int64_t max_tflite_constant_bytes = int64_t{1} << 26;  // beyond those of the file

/// A value kept from run to run: a variable tensor or a resource variable.
struct TfliteVariable {
  std::string name = {};
  Tensor initial = {};
  Value* before = nullptr;  ///< graph input or constant; made when it is first read
  Value* now = nullptr;     ///< what it holds at this place of the program; null: untouched
};

/// What a whole model shares.
struct TfliteConversion {
  const TfliteModel& model;
  const TfliteImportOptions& options;
  Graph& graph;
  std::map<std::string, TfliteVariable> variables = {};  ///< by a key that cannot collide
  std::set<int64_t> initialised = {};                    ///< subgraphs that CALL_ONCE ran
  bool is_initialising = false;  ///< assignments are initial values, everything is computed now
  /// Constants by subgraph and tensor: the turns of a loop share them.
  std::map<std::pair<int64_t, int>, Value*> constants = {};
  int64_t steps = 0;   ///< so far: nodes and constants made, operators and calls converted
  int64_t points = 0;  ///< what computing constants has taken, as interpreted_points counts it
  int64_t constant_bytes = 0;

  /// The variable of that key; made, with zeros of `type`, when there is none.
  TfliteVariable& variable(const std::string& key, const std::string& name,
                           const TfliteTensor& type, const std::string& where);
  Value& read(TfliteVariable& variable);
  void assign(TfliteVariable& variable, Value& value, const std::string& where);
  /// Fails when the model takes more steps than any sensible one.
  void count_steps(int64_t more, const std::string& where);
  /// Whether that much may still be computed at once, and is from now on taken to be.
  bool may_compute(int64_t more);
  /// Whether something has been left to be computed later.
  bool is_exhausted() const { return points > max_tflite_points; }
};

/// One subgraph being converted.
class TfliteScope {
 public:
  TfliteScope(TfliteConversion& conversion, int64_t subgraph, int depth);

  /// Converts all operators; the inputs have been bound before.
  void convert();
  void bind(int tensor, Value& value, const std::string& where);
  void bind_handle(int tensor, const std::string& resource);
  /// The value of a tensor; constants are added to the graph when they are first asked for.
  Value& value(int tensor, const std::string& where);
  const std::string& handle(int tensor, const std::string& where) const;
  bool holds_handle(int tensor) const;
  const TfliteTensor& tensor(int index) const;
  const TfliteSubgraph& subgraph() const { return subgraph_; }
  TfliteConversion& conversion() { return conversion_; }
  int64_t number() const { return number_; }
  int depth() const { return depth_; }

 private:
  void count_constant(const TfliteTensor& stored, const std::string& where);

  struct Slot {
    Value* value = nullptr;
    std::string handle = {};
  };

  TfliteConversion& conversion_;
  const TfliteSubgraph& subgraph_;
  int64_t number_;
  int depth_;
  std::vector<Slot> slots_ = {};
};

/// "operator 7 CONV_2D 'conv1'" within a subgraph; messages put the file in front.
std::string tflite_place(const TfliteModel& model, int64_t subgraph, size_t index);
/// The tensor an operator is called after: its first output.
std::string tflite_label(const TfliteSubgraph& subgraph, const TfliteOperator& op);
bool is_quantized(const TfliteSubgraph& subgraph, const TfliteOperator& op);

/// Fails naming every operator that has no rule, and all places that want it.
void check_tflite_support(const TfliteModel& model);

/// A constant of the file as a tensor; two INT4 numbers in a byte become two i8.
Tensor tflite_constant(const TfliteTensor& tensor);

}  // namespace mlfc

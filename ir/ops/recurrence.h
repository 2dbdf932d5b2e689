// What the recurrent operators share: their shapes, the activation functions of their gates, and
// unrolling. A recurrence expands into one matrix product for the inputs of all steps and one cell
// per step and direction; a cell is a kernel of its own operator.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ir/operator.h"

namespace mlfc {

struct Recurrence {
  int64_t steps = 0, batch = 0, inputs = 0, hidden = 0;
  int64_t gates = 1;
  int64_t directions = 1;
  bool first_is_reverse = false;
  bool batch_first = false;  ///< ONNX's layout 1
};

/// The attributes every recurrent operator declares.
std::vector<AttributeSpec> recurrence_attributes();

/// Reads attributes and shapes of x, w, r, b, sequence_lens and the initial states; fails when they
/// do not fit each other.
Recurrence recurrence_of(const Node& node, int64_t gates, int states);
/// Types of y and of the last value of each state.
std::vector<TensorType> recurrence_types(const Node& node, const Recurrence& recurrence,
                                         int states);

/// The attributes of a cell: what a direction needs of the node's activations, and the clip.
std::vector<AttributeSpec> cell_attributes();
Attributes cell_attributes_of(const Node& node, int64_t direction,
                              const std::vector<std::string>& defaults);
/// Fails unless all operands of a cell have one element type, and each vector (`vectors`: their
/// slots, where present) the given length.
void check_cell_operands(const Node& cell, const std::vector<std::pair<int, int64_t>>& vectors);
/// Activation number `index` of a cell applied to `x`; the cell's clip limits what goes in.
Expr cell_activation(const Node& cell, int index, Expr x, bool clipped = true);

/// Makes one step: the new states from the projected input and the old states. The first state is
/// the one that goes into y.
using MakeStep =
    std::function<std::vector<Value*>(Value* projected, const std::vector<Value*>& states)>;
/// Prepares what all steps of one direction share - weights above all - and returns how to make
/// one.
using PrepareSteps = std::function<MakeStep(int64_t direction)>;
/// The vector added to the projected input of one direction; null for none.
using MakeBias = std::function<Value*(int64_t direction)>;

/// All steps of all directions; returns the values of y and of the last states.
std::vector<Value*> unrolled(Expansion& expansion, const Recurrence& recurrence, int states,
                             const MakeBias& make_bias, const PrepareSteps& prepare);

/// Elements [start, start + count) of axis 0 of `value`; reshaped when a shape is given.
Value* taken(Expansion& expansion, Value* value, int64_t start, int64_t count,
             const Shape& shape = {});
Value* reshaped(Expansion& expansion, Value* value, const Shape& shape);

}  // namespace mlfc

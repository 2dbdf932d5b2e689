// What the fusing passes share: joining two nodes' parameters and replacing reads by expressions.
#pragma once

#include <optional>
#include <string>

#include "ir/graph.h"

namespace mlfc {

/// The kernel of a node that reads single elements and stores single elements of one output, its
/// store addressed by plain axes (or 0 where the extent is 1): the shape fusion can substitute.
bool stores_by_plain_axes(const Kernel& kernel);

/// The name under which `kernel` (of `node`) reads `value`; empty when it does not.
std::string param_of(const Node& node, const Kernel& kernel, const Value& value);

/// Takes an input that the kernel no longer reads (the first, if it is there twice) away from node
/// and kernel.
void drop_input(Node& node, const Value& value);

/// Takes all inputs that the kernel does not read away.
void drop_unread_inputs(Node& node);

/// Nodes of an expression, a measure of what substituting it costs.
int64_t size_of(const Expr& expr);
/// True when the expression calls something dearer than arithmetic.
bool is_expensive(const Expr& expr);

/// Brings the inputs of `from` (a kernel of `from_node`) into `into` (of `into_node`) except
/// `dropped`: values both nodes read share one parameter, clashing names are changed in `from`.
/// Afterwards expressions of `from` make sense inside `into`.
void join_inputs(Kernel& into, Node& into_node, Kernel& from, const Node& from_node,
                 const Value& dropped);

}  // namespace mlfc

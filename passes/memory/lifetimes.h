// From when to when each storage is needed. Steps are node numbers in execution order.
#pragma once

#include <map>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"

namespace mlfc {

struct Lifetime {
  int first = 0;  ///< the step that first writes it; -1: before the first node (graph inputs)
  int last = 0;   ///< the last step that reads or writes it; steps() when it must survive the end
};

/// Lifetimes of storages: a storage lives as long as any value inside it.
class Lifetimes {
 public:
  explicit Lifetimes(const Graph& graph);

  int steps() const { return steps_; }
  int step_of(const Node& node) const;
  const Lifetime& of(const Value& root) const;  ///< check()s that the storage is used at all
  bool is_used(const Value& root) const { return by_root_.contains(&root); }
  /// `value` lives in the storage of `root` from now on.
  void join(const Value& root, const Value& value);
  /// Values with storage of their own that is ours to place: no constants, nothing of the caller's.
  const std::vector<Value*>& to_place() const { return to_place_; }

 private:
  void touch(const Value& value, int step);
  int steps_ = 0;
  std::map<const Node*, int> step_;
  std::map<const Value*, Lifetime> by_root_;
  std::vector<Value*> to_place_;
};

/// Who reads which value, found in one walk: for passes that ask about many values and leave the
/// inputs of nodes as they are. Uses inside regions count for the node that owns the region.
class Readers {
 public:
  explicit Readers(const Graph& graph);
  const std::vector<const Node*>& of(const Value& value) const;

 private:
  std::unordered_map<const Value*, std::vector<const Node*>> readers_;
};

/// True when a runtime call or control flow makes or reads the value: those know nothing of layouts
/// and want it row-major in storage of its own.
bool needs_plain_storage(const Readers& readers, const Value& value);

/// Gives the node's kernel parameters the layouts of the values they stand for, and says which of
/// them are constants.
void sync_param_types(Node& node);

}  // namespace mlfc

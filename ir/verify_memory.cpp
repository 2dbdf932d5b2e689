// Checks the memory plan: views inside their storage, placements inside their pools, and no two
// values that live at the same time in the same bytes.
//
// Time is the order of the nodes, regions included: a node with regions lives from before its first
// inner node to after its last one, and whatever its regions use lives through all of it, because a
// loop may come around again.
#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "ir/verify_parts.h"

namespace mlfc {
namespace {

/// When the storage of one value is in use, and by whom it is first written and last read.
struct Lifetime {
  int64_t first = std::numeric_limits<int64_t>::max();
  int64_t last = -1;
};

class MemoryCheck {
 public:
  MemoryCheck(Problems& problems, const Graph& graph) : problems_(problems), graph_(graph) {}

  void run() {
    check_views(graph_);
    if (!views_are_sound_) return;
    walk(graph_);
    for (size_t i = 0; i < placed_.size(); ++i) {
      for (size_t j = 0; j < i; ++j) check_apart(*placed_[j], *placed_[i]);
    }
  }

 private:
  // --- views ------------------------------------------------------------------------------------

  void check_views(const Graph& graph) {
    for (const auto& value : graph.values) {
      if (value->inside != nullptr) check_view(*value, graph);
    }
    for (const auto& node : graph.nodes) {
      for (const auto& region : node->regions) check_views(*region);
    }
  }

  void check_view(const Value& view, const Graph& graph) {
    // Steps as many as there are values mean that the chain bites its tail.
    size_t steps = 0, most = 0;
    for (const Graph* around = &graph; around != nullptr; around = around->outer) {
      most += around->values.size();
    }
    for (const Value* v = &view; v->inside != nullptr; v = v->inside) {
      if (++steps > most) {
        problems_.report(describe(view), " lives inside itself");
        views_are_sound_ = false;
        return;
      }
    }
    problems_.require(!view.placement, describe(view), " lives inside '", view.inside->name,
                      "' and has a place of its own, too");
    const Value& storage = storage_of(view);
    if (view.type.dtype == DType::none || storage.type.dtype == DType::none) return;
    const int64_t bytes = view.type.storage_bytes();
    problems_.require(bytes <= storage.type.storage_bytes(), describe(view), " of ", view.type,
                      " spans ", bytes, " bytes, but '", storage.name, "', which it lives in, has ",
                      storage.type.storage_bytes());
  }

  // --- lifetimes --------------------------------------------------------------------------------

  void use(const Value& value) {
    const Value& storage = storage_of(value);
    Lifetime& lifetime = lifetimes_[&storage];
    lifetime.first = std::min(lifetime.first, time_);
    lifetime.last = std::max(lifetime.last, time_);
  }

  void use_all(const std::vector<Value*>& values) {
    for (const Value* value : values) {
      if (value != nullptr) use(*value);
    }
  }

  void walk(const Graph& graph) {
    use_all(graph.inputs);
    for (const auto& node : graph.nodes) {
      ++time_;
      const auto touch = [&] {
        for (const auto* list : {&node->inputs, &node->outputs, &node->scratch}) use_all(*list);
        for (const auto& region : node->regions) touch_outer(*region, *region);
      };
      touch();
      for (const auto& region : node->regions) walk(*region);
      if (node->regions.empty()) continue;
      ++time_;
      touch();
    }
    ++time_;
    use_all(graph.outputs);
    for (const auto& value : graph.values) {
      if (value->placement) note_placement(*value, graph);
    }
  }

  // Everything a region mentions that is not its own, and its inputs and outputs.
  void touch_outer(const Graph& region, const Graph& outermost) {
    use_all(region.inputs);
    use_all(region.outputs);
    for (const auto& node : region.nodes) {
      for (const Value* input : node->inputs) {
        if (input != nullptr && !owns(outermost, *input)) use(*input);
      }
      for (const auto& inner : node->regions) touch_outer(*inner, outermost);
    }
  }

  bool owns(const Graph& region, const Value& value) {
    auto& owned = owned_[&region];
    if (owned.empty()) collect(region, owned);
    return owned.contains(&value);
  }
  static void collect(const Graph& region, std::set<const Value*>& owned) {
    for (const auto& value : region.values) owned.insert(value.get());
    for (const auto& node : region.nodes) {
      for (const auto& inner : node->regions) collect(*inner, owned);
    }
  }

  // --- places -----------------------------------------------------------------------------------

  void note_placement(const Value& value, const Graph& graph) {
    const Placement& placement = *value.placement;
    const Pool* pool = nullptr;
    for (const Graph* around = &graph; around != nullptr && pool == nullptr;
         around = around->outer) {
      pool = around->find_pool(placement.pool);
    }
    if (!problems_.require(pool != nullptr, describe(value), " is placed in pool '", placement.pool,
                           "', which does not exist") ||
        !problems_.require(value.type.dtype != DType::none, describe(value),
                           " is placed but has no type")) {
      return;
    }
    const int64_t bytes = value.type.storage_bytes();
    const bool fits = placement.offset >= 0 && placement.offset <= pool->bytes - bytes;
    problems_.require(fits, describe(value), " takes ", bytes, " bytes at ", placement.offset,
                      " of pool '", pool->name, "', which has ", pool->bytes);
    placed_.push_back(&value);
  }

  void check_apart(const Value& a, const Value& b) {
    if (a.placement->pool != b.placement->pool) return;
    const int64_t a_begin = a.placement->offset, a_end = a_begin + a.type.storage_bytes();
    const int64_t b_begin = b.placement->offset, b_end = b_begin + b.type.storage_bytes();
    if (a_end <= b_begin || b_end <= a_begin) return;
    const Lifetime& first = lifetimes_[&a];
    const Lifetime& second = lifetimes_[&b];
    if (first.last < second.first || second.last < first.first) return;
    if (runs_in_place(a, b, first, second) || runs_in_place(b, a, second, first)) return;
    problems_.report("'", a.name, "' and '", b.name, "' share bytes of pool '", a.placement->pool,
                     "' while both are in use");
  }

  // A node may write its output over an input that nothing needs afterwards.
  static bool runs_in_place(const Value& input, const Value& output, const Lifetime& before,
                            const Lifetime& after) {
    const Node* node = output.producer;
    const bool meet_there = before.last == after.first && *input.placement == *output.placement;
    if (!meet_there || node == nullptr || !node->kernel) return false;
    size_t param = 0;
    bool reads_it = false, may = true;
    for (const Value* operand : node->inputs) {
      if (operand == nullptr) continue;
      if (operand == &input) {
        reads_it = true;
        may &= param < node->kernel->inputs.size() &&
               may_run_in_place(*node->kernel, node->kernel->inputs[param].name);
      }
      ++param;
    }
    return reads_it && may;
  }

  Problems& problems_;
  const Graph& graph_;
  bool views_are_sound_ = true;
  int64_t time_ = 0;
  std::map<const Value*, Lifetime> lifetimes_;  ///< by the value that has the storage
  std::map<const Graph*, std::set<const Value*>> owned_;
  std::vector<const Value*> placed_;
};

}  // namespace

void check_memory(Problems& problems, const Graph& graph) {
  MemoryCheck(problems, graph).run();
}

}  // namespace mlfc

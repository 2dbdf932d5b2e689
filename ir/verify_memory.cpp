// Checks the memory plan: views inside their storage, placements inside their pools, no two values
// that live at the same time in the same bytes, and nothing read after a view was written over it.
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
    for (const auto& [storage, values] : by_storage_) {
      for (const Value* written : values) {
        for (const Value* other : values) check_overwriting(*written, *other, *storage);
      }
    }
  }

 private:
  // --- views ------------------------------------------------------------------------------------

  void check_views(const Graph& graph) {
    for (const auto& value : graph.values) {
      if (value->inside != nullptr) check_view(*value, graph);
      problems_.require(value->inside == nullptr || !graph.is_output(*value), describe(*value),
                        " is an output and has no storage of its own");
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

  void read(const Value& value) {
    use(value);
    last_read_[&value] = time_;
  }
  void read_all(const std::vector<Value*>& values) {
    for (const Value* value : values) {
      if (value != nullptr) read(*value);
    }
  }
  void write_all(const std::vector<Value*>& values) {
    use_all(values);
    for (const Value* value : values) {
      if (value == nullptr || !written_.emplace(value, time_).second) continue;
      by_storage_[&storage_of(*value)].push_back(value);
    }
  }

  void walk(const Graph& graph) {
    write_all(graph.inputs);
    for (const auto& node : graph.nodes) {
      ++time_;
      const auto touch = [&] {
        read_all(node->inputs);
        write_all(node->outputs);
        use_all(node->scratch);
        for (const auto& region : node->regions) touch_outer(*region, *region);
      };
      touch();
      for (const auto& region : node->regions) walk(*region);
      if (node->regions.empty()) continue;
      ++time_;
      touch();
    }
    ++time_;
    read_all(graph.outputs);
    for (const auto& value : graph.values) {
      if (value->placement) note_placement(*value, graph);
    }
  }

  // Everything a region mentions that is not its own, and its inputs and outputs.
  void touch_outer(const Graph& region, const Graph& outermost) {
    use_all(region.inputs);
    read_all(region.outputs);
    for (const auto& node : region.nodes) {
      for (const Value* input : node->inputs) {
        if (input != nullptr && !owns(outermost, *input)) read(*input);
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
    const bool meet_there = before.last == after.first && *input.placement == *output.placement;
    return meet_there && may_write_over(input, output);
  }

  // True when the node that makes `output` reads `input`, and every element only where it then
  // stores it.
  static bool may_write_over(const Value& input, const Value& output) {
    const Node* node = output.producer;
    if (node == nullptr || !node->kernel) return false;
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

  // --- views that are written over each other ---------------------------------------------------

  // `other` holds data when `written` comes into being in the same storage. Nobody may want that
  // data afterwards, unless the two lie side by side.
  void check_overwriting(const Value& written, const Value& other, const Value& storage) {
    const bool is_work = written.producer != nullptr && !written.producer->is_free;
    const int64_t time = written_[&written];
    const auto wanted = last_read_.find(&other);
    const bool holds_data = &written != &other && written_[&other] < time;
    const bool matters = is_work && holds_data && wanted != last_read_.end();
    if (!matters || wanted->second < time || !share_bytes(written, other, storage)) return;
    if (wanted->second > time) {
      problems_.report("writing '", written.name, "' destroys '", other.name,
                       "', which is read later");
    } else if (written.producer->kernel && !may_write_over(other, written)) {
      problems_.report("writing '", written.name, "' destroys '", other.name,
                       "' while it is still being read");
    }
  }

  static bool share_bytes(const Value& a, const Value& b, const Value& storage) {
    constexpr int64_t most_bytes = int64_t{1} << 26;
    for (const Value* value : {&a, &b, &storage}) {
      if (value->type.dtype == DType::none) return false;
      if (value->type.plain().storage_bytes() > most_bytes) return false;  // too much to look at
    }
    const int64_t bytes = storage.type.storage_bytes();
    if (bytes > most_bytes) return false;
    std::vector<bool> used(static_cast<size_t>(bytes), false);
    bool shares = false;
    const auto visit = [&](const TensorType& type, const auto& use) {
      const Layout layout = type.explicit_layout();
      const int64_t size = bytes_of(type.dtype);
      std::vector<int64_t> index(type.shape.size(), 0);
      for (int64_t count = type.elements(); count > 0; --count) {
        const int64_t begin = layout.place(index) * size;
        for (int64_t at = begin; at < begin + size && at < bytes; ++at) use(used[at]);
        for (size_t dim = index.size(); dim-- > 0;) {
          if (++index[dim] < type.shape[dim]) break;
          index[dim] = 0;
        }
      }
    };
    visit(a.type, [](auto byte) { byte = true; });
    visit(b.type, [&](auto byte) { shares |= byte; });
    return shares;
  }

  Problems& problems_;
  const Graph& graph_;
  bool views_are_sound_ = true;
  int64_t time_ = 0;
  std::map<const Value*, Lifetime> lifetimes_;  ///< by the value that has the storage
  std::map<const Graph*, std::set<const Value*>> owned_;
  std::vector<const Value*> placed_;
  std::map<const Value*, int64_t> written_, last_read_;  ///< times, by value
  std::map<const Value*, std::vector<const Value*>> by_storage_;
};

}  // namespace

void check_memory(Problems& problems, const Graph& graph) {
  MemoryCheck(problems, graph).run();
}

}  // namespace mlfc

// Places every intermediate value: which pool, which offset.
//
// First fit over several orders of the values (by size, by size times lifetime, by first use); the
// best plan found is kept. Each pool is filled up to its size hint in the user's order of
// preference. The lower bound (the most bytes alive at one step) is reported beside the result by
// `mlfc inspect`.
#include <algorithm>
#include <functional>
#include <limits>

#include "ir/error.h"
#include "passes/memory/lifetimes.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

struct Buffer {
  Value* value = nullptr;
  int64_t bytes = 0;
  Lifetime life = {};
  int pool = -1;
  int64_t offset = 0;
};

bool overlap(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

int64_t align_up(int64_t offset, int64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

// The lowest free offset for `buffer` in `pool` among the buffers placed there; -1 if none fits.
int64_t first_fit(const Buffer& buffer, int pool, const std::vector<Buffer*>& placed,
                  const Memory& memory, int64_t alignment) {
  std::vector<const Buffer*> neighbours;
  for (const Buffer* other : placed) {
    if (other->pool == pool && overlap(buffer.life, other->life)) neighbours.push_back(other);
  }
  std::sort(neighbours.begin(), neighbours.end(),
            [](const Buffer* a, const Buffer* b) { return a->offset < b->offset; });
  int64_t offset = 0;
  for (const Buffer* other : neighbours) {
    if (offset + buffer.bytes <= other->offset) break;
    offset = std::max(offset, align_up(other->offset + other->bytes, alignment));
  }
  const bool fits = memory.bytes < 0 || offset + buffer.bytes <= memory.bytes;
  return fits ? offset : -1;
}

using Order = std::function<bool(const Buffer&, const Buffer&)>;

struct Plan {
  std::vector<Buffer> buffers;
  std::vector<int64_t> pool_bytes;
  const Buffer* misfit = nullptr;  ///< a value no pool has room for
  int64_t total() const {
    if (misfit != nullptr) return std::numeric_limits<int64_t>::max();
    int64_t sum = 0;
    for (const int64_t bytes : pool_bytes) sum += bytes;
    return sum;
  }
};

Plan plan_in_order(std::vector<Buffer> buffers, const Machine& machine, const Order& before) {
  std::stable_sort(buffers.begin(), buffers.end(), before);
  Plan plan{.buffers = std::move(buffers), .pool_bytes = {}, .misfit = nullptr};
  plan.pool_bytes.resize(machine.memories.size());
  std::vector<Buffer*> placed;
  for (Buffer& buffer : plan.buffers) {
    for (int pool = 0; pool < static_cast<int>(machine.memories.size()); ++pool) {
      if (machine.memories[pool].is_constant) continue;
      const int64_t offset =
          first_fit(buffer, pool, placed, machine.memories[pool], machine.workspace_alignment);
      if (offset < 0) continue;
      buffer.pool = pool;
      buffer.offset = offset;
      plan.pool_bytes[pool] = std::max(plan.pool_bytes[pool], offset + buffer.bytes);
      placed.push_back(&buffer);
      break;
    }
    if (buffer.pool < 0 && plan.misfit == nullptr) plan.misfit = &buffer;
  }
  return plan;
}

// Equal keys fall back to size, then to the order of first use, so that the plan is deterministic.
std::vector<Order> orders() {
  const auto area = [](const Buffer& b) { return b.bytes * (b.life.last - b.life.first + 1); };
  return {
      [](const Buffer& a, const Buffer& b) { return a.bytes > b.bytes; },
      [area](const Buffer& a, const Buffer& b) { return area(a) > area(b); },
      [](const Buffer& a, const Buffer& b) {
        return a.life.last - a.life.first != b.life.last - b.life.first
                   ? a.life.last - a.life.first > b.life.last - b.life.first
                   : a.bytes > b.bytes;
      },
      [](const Buffer& a, const Buffer& b) { return a.life.first < b.life.first; },
  };
}

void check_plan(const Plan& plan) {
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const Buffer &a = plan.buffers[i], &b = plan.buffers[j];
      const bool apart = a.pool != b.pool || !overlap(a.life, b.life) ||
                         a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
      check(apart, "the plan puts ", describe(*a.value), " over ", describe(*b.value));
    }
  }
}

std::vector<Buffer> buffers_of(const Graph& graph) {
  const Lifetimes lifetimes(graph);
  std::vector<Buffer> buffers;
  for (Value* value : lifetimes.to_place()) {
    // What has no elements is passed around all the same, so it needs an address.
    const int64_t bytes = std::max<int64_t>(value->type.storage_bytes(), 1);
    buffers.push_back({value, bytes, lifetimes.of(*value)});
  }
  return buffers;
}

Plan best_plan(const std::vector<Buffer>& buffers, const Machine& machine) {
  Plan best;
  for (const Order& order : orders()) {
    Plan plan = plan_in_order(buffers, machine, order);
    const bool better = best.buffers.empty() || plan.total() < best.total();
    if (better) best = std::move(plan);
  }
  return best;
}

// What the last pool would take beyond its limit, were there none, is what is missing.
[[noreturn]] void report_shortage(const std::vector<Buffer>& buffers, Machine machine) {
  const auto last = std::find_if(machine.memories.rbegin(), machine.memories.rend(),
                                 [](const Memory& memory) { return !memory.is_constant; });
  const Memory limited = *last;
  last->bytes = -1;
  const auto index = static_cast<size_t>(machine.memories.rend() - last - 1);
  const int64_t needed = best_plan(buffers, machine).pool_bytes[index];
  fail("--workspace-pools", "pool '", limited.name, "' is ", needed - limited.bytes,
       " bytes too small: the model needs ", needed, ", the size hint allows ", limited.bytes,
       "; raise --workspace-pools-size-hint-bytes");
}

void plan_memory(Graph& graph, const PassContext& context) {
  Machine machine = context.machine;
  if (machine.memories.empty()) machine.memories.push_back({.name = "global_workspace"});
  const std::vector<Buffer> buffers = buffers_of(graph);
  const Plan best = best_plan(buffers, machine);
  if (best.misfit != nullptr) report_shortage(buffers, machine);
  check_plan(best);
  graph.pools.clear();
  for (const auto& value : graph.values) value->placement.reset();
  for (size_t pool = 0; pool < machine.memories.size(); ++pool) {
    if (machine.memories[pool].is_constant) continue;
    graph.pools.push_back({machine.memories[pool].name, best.pool_bytes[pool]});
  }
  for (const Buffer& buffer : best.buffers) {
    buffer.value->placement =
        Placement{machine.memories[static_cast<size_t>(buffer.pool)].name, buffer.offset};
  }
}

const Pass pass{
    .name = "plan-memory",
    .level = Level::memory,
    .summary = "Give every intermediate value a pool and an offset.",
    .run = plan_memory,
    .required = true,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc

// Works out names, pools, constants and calls of a compiled graph; see model.h.
#include "codegen/mlf/model.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>

#include "codegen/mlf/names.h"
#include "ir/error.h"

namespace mlfc {
namespace {

int64_t align_up(int64_t offset, int64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

// --- tensors ----------------------------------------------------------------------------------

void add_tensor(std::vector<PackagedTensor>& tensors, const Value& value, const std::string& name,
                const std::string& kind) {
  PackagedTensor tensor = {.value = &value, .name = name, .member = sanitised(name)};
  check(!value.type.layout || value.type.explicit_layout() == value.type.plain().explicit_layout(),
        kind, " '", name, "' is not stored row-major");
  tensor.bytes = value.type.plain().storage_bytes();
  for (const PackagedTensor& other : tensors) {
    if (other.member == tensor.member) {
      fail("model", kind, " tensors '", other.name, "' and '", name, "' both become '",
           tensor.member, "' in C; rename one of them in the model");
    }
  }
  tensors.push_back(std::move(tensor));
}

void add_tensors(PackagedModel& model) {
  const Graph& graph = *model.graph;
  for (const Value* input : graph.inputs) add_tensor(model.inputs, *input, input->name, "input");
  const std::vector<std::string>& names = model.options.output_names;
  check(names.empty() || names.size() == graph.outputs.size(), "one name per output expected");
  for (size_t i = 0; i < graph.outputs.size(); i++) {
    std::string name = graph.outputs.size() == 1 ? "output" : "output" + std::to_string(i);
    if (!names.empty()) name = names[i];
    add_tensor(model.outputs, *graph.outputs[i], name, "output");
  }
}

// An input and an output may have the same name.
void name_parameters(PackagedModel& model) {
  std::set<std::string> taken;
  for (std::vector<PackagedTensor>* tensors : {&model.inputs, &model.outputs}) {
    for (PackagedTensor& tensor : *tensors) {
      tensor.parameter = unique_name(tensor.member + "_buffer_var", taken);
    }
  }
}

// A tensor called `workspace` must not redefine the macro of the workspace; tensors `a` and `A`
// have different members but would share a macro.
void name_size_macros(PackagedModel& model) {
  std::set<std::string> taken = {model.macros + "_WORKSPACE_SIZE", model.macros + "_H_"};
  for (const PackagedPool& pool : model.pools) {
    const std::string stem = model.macros + "_" + upper_cased(pool.symbol);
    taken.insert(stem + "_WORKSPACE_POOL_SIZE");
    taken.insert(stem + "_CONSTANT_POOL_SIZE");
    taken.insert(stem + "_CONSTANT_POOL_DATA");
  }
  std::map<std::string, int64_t> sizes;
  for (std::vector<PackagedTensor>* tensors : {&model.inputs, &model.outputs}) {
    for (PackagedTensor& tensor : *tensors) {
      const std::string stem = model.macros + "_" + upper_cased(tensor.member);
      tensor.size_macro = stem + "_SIZE";
      for (int suffix = 1;; suffix++) {
        const auto known = sizes.find(tensor.size_macro);
        // An input and an output of one name and size may share the macro, as they do in TVM.
        if (known != sizes.end() && known->second == tensor.bytes) break;
        if (known == sizes.end() && taken.insert(tensor.size_macro).second) break;
        tensor.size_macro = stem + "_" + std::to_string(suffix) + "_SIZE";
      }
      sizes[tensor.size_macro] = tensor.bytes;
    }
  }
}

// --- kernels ----------------------------------------------------------------------------------

// Everything that makes two functions the same function, whatever they are called with.
std::string identity_of(const EmittedFunction& function) {
  std::string identity;
  for (const EmittedFunction::Parameter& parameter : function.parameters) {
    identity += parameter.type + " " + parameter.name + ",";
  }
  identity += "\n" + function.body;
  for (const std::string& helper : function.helpers) identity += "\n" + helper;
  return identity;
}

void add_calls(PackagedModel& model, const Target& target, const Machine& machine) {
  std::unordered_map<std::string, size_t> known;
  std::set<std::string> taken;
  for (const std::unique_ptr<Node>& node : model.graph->nodes) {
    if (node->is_free) continue;
    EmittedFunction function = target.emit(*node, machine);
    PackagedCall call;
    for (const EmittedFunction::Parameter& parameter : function.parameters) {
      check(parameter.value != nullptr, describe(*node), ": parameter without a value");
      call.arguments.push_back(parameter.value);
    }
    const auto [entry, is_new] = known.emplace(identity_of(function), model.kernels.size());
    call.kernel = entry->second;
    if (is_new) {
      const bool is_prefixed = function.name.starts_with("fused_");
      const std::string stem = sanitised(is_prefixed ? function.name : "fused_" + function.name);
      const std::string name = shortened_symbol(model.symbol(stem));
      model.kernels.push_back(
          {.symbol = unique_name(name, taken), .function = std::move(function), .comments = {}});
      model.kernels.back().comments.push_back(model.kernels.back().function.comment);
    } else {
      model.kernels[call.kernel].comments.push_back(function.comment);
    }
    model.calls.push_back(std::move(call));
  }
}

void add_copies(PackagedModel& model) {
  const std::vector<Value*>& outputs = model.graph->outputs;
  for (size_t i = 0; i < outputs.size(); i++) {
    const bool is_repeated = std::find(outputs.begin(), outputs.begin() + static_cast<ptrdiff_t>(i),
                                       outputs[i]) != outputs.begin() + static_cast<ptrdiff_t>(i);
    if (is_repeated || outputs[i]->is_constant() || model.graph->is_input(*outputs[i])) {
      model.copies.push_back({.output = i, .source = outputs[i]});
    } else {
      check(outputs[i]->inside == nullptr, "output '", outputs[i]->name,
            "' has no storage of its own");
    }
  }
}

// --- pools and constants ----------------------------------------------------------------------

const ExternalPool* find_external(const std::vector<ExternalPool>& pools, const std::string& name) {
  const auto found = std::find_if(pools.begin(), pools.end(),
                                  [&](const ExternalPool& pool) { return pool.name == name; });
  return found == pools.end() ? nullptr : &*found;
}

void add_workspace_pools(PackagedModel& model) {
  const PackageOptions& options = model.options;
  PoolOwner internal = PoolOwner::archive;
  if (options.io_in_workspace) internal = PoolOwner::application;
  if (!options.plan_workspace) internal = PoolOwner::allocator;
  std::vector<Pool> planned = model.graph->pools;
  for (const ExternalPool& pool : options.workspace_pools) {
    if (!model.graph->find_pool(pool.name)) planned.push_back({.name = pool.name, .bytes = 0});
  }
  for (const Pool& pool : planned) {
    const ExternalPool* external = find_external(options.workspace_pools, pool.name);
    if (pool.bytes == 0 && !external) continue;
    if (external && external->size_hint_bytes >= 0 && pool.bytes > external->size_hint_bytes) {
      fail("--workspace-pools", "pool '", pool.name, "' is ",
           pool.bytes - external->size_hint_bytes, " bytes too small: the model needs ", pool.bytes,
           ", the size hint is ", external->size_hint_bytes);
    }
    // A stack allocator hands out multiples of its alignment; the promised size has to cover that.
    const int64_t bytes = external || internal != PoolOwner::allocator
                              ? pool.bytes
                              : align_up(pool.bytes, options.workspace_alignment);
    const bool is_only = planned.size() == 1 && !external;
    model.pools.push_back({.name = pool.name,
                           .symbol = is_only ? default_workspace_pool : sanitised(pool.name),
                           .bytes = bytes,
                           .owner = external ? PoolOwner::application : internal});
  }
}

void add_placements(PackagedModel& model) {
  for (const std::unique_ptr<Value>& value : model.graph->values) {
    if (value->placement) model.placements[value.get()] = *value->placement;
  }
}

// Inputs and outputs that the memory planner left to the caller go on top of what it planned, into
// the first pool with room. They share no bytes with intermediates: the application may fill the
// inputs of the next run as soon as it likes and read the outputs as late as it likes.
void place_tensor(PackagedModel& model, const Value& value) {
  if (value.is_constant()) {
    fail(value,
         "is an output that is known at compile time; it cannot live in the workspace, "
         "compile without tir.usmp.use_workspace_io");
  }
  if (model.placements.contains(&value)) return;
  const int64_t bytes = value.type.storage_bytes();
  for (PackagedPool& pool : model.pools) {
    const ExternalPool* wish = find_external(model.options.workspace_pools, pool.name);
    const int64_t offset = align_up(pool.bytes, model.options.workspace_alignment);
    const bool fits = !wish || wish->size_hint_bytes < 0 || offset + bytes <= wish->size_hint_bytes;
    if (!fits) continue;
    model.placements[&value] = {pool.name, offset};
    pool.bytes = offset + bytes;
    return;
  }
  fail(value, "needs ", bytes,
       " bytes, for which no workspace pool has room; raise "
       "--workspace-pools-size-hint-bytes");
}

void place_tensors(PackagedModel& model) {
  if (!model.options.io_in_workspace) return;
  if (model.pools.empty()) {
    model.pools.push_back({.name = default_workspace_pool,
                           .symbol = default_workspace_pool,
                           .owner = PoolOwner::application});
  }
  for (const PackagedTensor& input : model.inputs) place_tensor(model, *input.value);
  for (const PackagedTensor& output : model.outputs) place_tensor(model, *output.value);
}

// Constants in order of use, equal ones once.
std::vector<const Value*> used_constants(PackagedModel& model) {
  std::vector<const Value*> constants;
  std::unordered_multimap<std::string_view, size_t> by_bytes;
  const auto add = [&](const Value& user) {
    const Value& value = storage_of(user);
    if (!value.is_constant() || model.constant_of.contains(&value)) return;
    const std::vector<std::byte>& bytes = value.constant->bytes;
    const std::string_view key(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto [first, last] = by_bytes.equal_range(key);
    for (auto same = first; same != last; same++) {
      if (constants[same->second]->type.dtype != value.type.dtype) continue;
      model.constant_of[&value] = same->second;
      return;
    }
    by_bytes.emplace(key, constants.size());
    model.constant_of[&value] = constants.size();
    constants.push_back(&value);
  };
  for (const PackagedCall& call : model.calls) {
    for (const Value* argument : call.arguments) add(*argument);
  }
  for (const OutputCopy& copy : model.copies) add(*copy.source);
  return constants;
}

// First fit over the constant pools in the order the user prefers them.
void add_constants(PackagedModel& model) {
  std::vector<ExternalPool> wanted = model.options.constant_pools;
  const bool is_external = !wanted.empty();
  if (!is_external) wanted.push_back({.name = default_constant_pool});
  const std::vector<const Value*> constants = used_constants(model);
  const size_t first_pool = model.pools.size();
  for (const ExternalPool& pool : wanted) {
    if (constants.empty() && !is_external) return;
    model.pools.push_back({.name = pool.name,
                           .symbol = sanitised(pool.name),
                           .is_constant = true,
                           .owner = is_external ? PoolOwner::application : PoolOwner::archive});
  }
  std::set<std::string> members;
  for (const Value* value : constants) {
    const int64_t element = bytes_of(value->type.dtype);
    const auto bytes =
        std::max<int64_t>(static_cast<int64_t>(value->constant->bytes.size()), element);
    const int64_t alignment = std::max(model.options.constant_alignment, element);
    int64_t largest_gap = 0;
    size_t choice = wanted.size();
    for (size_t i = 0; i < wanted.size() && choice == wanted.size(); i++) {
      const int64_t end = align_up(model.pools[first_pool + i].bytes, alignment) + bytes;
      const int64_t limit = wanted[i].size_hint_bytes;
      if (limit < 0 || end <= limit) choice = i;
      if (i == 0 || end - limit < largest_gap) largest_gap = end - limit;
    }
    if (choice == wanted.size()) {
      fail("--constant-pools", "constant '", value->name, "' of ", bytes,
           " bytes does not fit; the closest pool is ", largest_gap, " bytes too small");
    }
    PackagedPool& pool = model.pools[first_pool + choice];
    const int64_t offset = align_up(pool.bytes, alignment);
    pool.bytes = offset + bytes;
    const std::string stem = shortened_symbol(sanitised(value->name));
    model.constants.push_back({.value = value,
                               .member = unique_name(stem + "_let", members),
                               .pool = first_pool + choice,
                               .offset = offset});
  }
}

// Parameters of the main function go by the pools' names.
void sort_pools(PackagedModel& model) {
  std::vector<size_t> order(model.pools.size());
  for (size_t i = 0; i < order.size(); i++) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return model.pools[a].symbol < model.pools[b].symbol; });
  std::vector<PackagedPool> sorted;
  std::vector<size_t> place(order.size());
  for (const size_t index : order) {
    PackagedPool pool = model.pools[index];
    place[index] = sorted.size();
    pool.variable = pool.symbol + "_" + std::to_string(sorted.size()) + "_var";
    if (!sorted.empty() && sorted.back().symbol == pool.symbol) {
      fail("--workspace-pools", "pools '", sorted.back().name, "' and '", pool.name,
           "' both become '", pool.symbol, "' in C; rename one of them");
    }
    sorted.push_back(std::move(pool));
  }
  model.pools = std::move(sorted);
  for (PackagedConstant& constant : model.constants) constant.pool = place[constant.pool];
}

int64_t sum_of_pools(const std::vector<PackagedPool>& pools, bool is_constant) {
  int64_t bytes = 0;
  for (const PackagedPool& pool : pools) {
    if (pool.is_constant == is_constant) bytes += pool.bytes;
  }
  return bytes;
}

}  // namespace

bool PackagedModel::has_external_pools() const {
  return std::any_of(pools.begin(), pools.end(),
                     [](const PackagedPool& pool) { return pool.owner == PoolOwner::application; });
}

int64_t PackagedModel::workspace_bytes() const {
  return sum_of_pools(pools, /*is_constant=*/false);
}

int64_t PackagedModel::constant_bytes() const {
  return sum_of_pools(pools, /*is_constant=*/true);
}

int64_t PackagedModel::io_bytes() const {
  int64_t bytes = 0;
  for (const PackagedTensor& input : inputs) bytes += input.bytes;
  for (const PackagedTensor& output : outputs) bytes += output.bytes;
  return bytes;
}

size_t PackagedModel::pool_index(const std::string& name) const {
  for (size_t i = 0; i < pools.size(); i++) {
    if (!pools[i].is_constant && pools[i].name == name) return i;
  }
  check(false, "a value is placed in pool '", name, "', which the plan does not list");
  return 0;
}

PackagedModel package_model(const Graph& graph, const Target& target, const Machine& machine,
                            const PackageOptions& options) {
  verify_options(options);
  check(target.emit != nullptr, "target '", target.name, "' cannot emit code");
  PackagedModel model = {.graph = &graph, .options = options};
  model.module = module_symbol(options.module_name);
  model.prefix = "tvmgen_" + model.module;
  model.macros = upper_cased(model.prefix);
  add_tensors(model);
  name_parameters(model);
  add_calls(model, target, machine);
  add_copies(model);
  add_placements(model);
  add_workspace_pools(model);
  place_tensors(model);
  add_constants(model);
  sort_pools(model);
  name_size_macros(model);
  return model;
}

}  // namespace mlfc

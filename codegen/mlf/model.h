// What every file of an archive talks about, worked out once: the model's tensors with their C
// names, the pools and what lies in them, the kernels and the calls. The writers of single files
// only turn this into text, so that header, metadata and code cannot disagree.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "codegen/mlf/package.h"
#include "codegen/target.h"
#include "ir/graph.h"

namespace mlfc {

/// An input or output of the model: a buffer the application sees.
struct PackagedTensor {
  const Value* value = nullptr;
  std::string name = {};        ///< as metadata spells it
  std::string member = {};      ///< of struct tvmgen_<module>_inputs / _outputs
  std::string size_macro = {};  ///< complete: TVMGEN_DEFAULT_INPUT_SIZE
  std::string parameter = {};   ///< of the main function
  int64_t bytes = 0;
};

enum class PoolOwner : uint8_t {
  archive,      ///< a static array
  application,  ///< a member of struct tvmgen_<module>_workspace_pools
  allocator,    ///< TVMBackendAllocWorkspace around every run
};

struct PackagedPool {
  std::string name = {};      ///< as the user or the memory planner spells it
  std::string symbol = {};    ///< array or struct member
  std::string variable = {};  ///< parameter of the main function
  int64_t bytes = 0;
  bool is_constant = false;
  PoolOwner owner = PoolOwner::archive;
};

/// A constant as stored; values with equal types and bytes share one.
struct PackagedConstant {
  const Value* value = nullptr;
  std::string member = {};  ///< of the pool's struct
  size_t pool = 0;          ///< index into PackagedModel::pools
  int64_t offset = 0;
};

/// A C function; nodes that do the same work at other addresses share one.
struct PackagedKernel {
  std::string symbol = {};  ///< tvmgen_default_fused_conv_relu
  EmittedFunction function = {};
  std::vector<std::string> comments = {};  ///< of every node that calls it
};

struct PackagedCall {
  size_t kernel = 0;
  std::vector<const Value*> arguments = {};  ///< one per parameter of the kernel
};

/// An output that no kernel writes, because it equals something else (an input, a constant, an
/// earlier output): the main function copies it.
struct OutputCopy {
  size_t output = 0;
  const Value* source = nullptr;
};

struct PackagedModel {
  const Graph* graph = nullptr;
  PackageOptions options = {};
  std::string module = {};  ///< default
  std::string prefix = {};  ///< tvmgen_default
  std::string macros = {};  ///< TVMGEN_DEFAULT
  std::vector<PackagedTensor> inputs = {};
  std::vector<PackagedTensor> outputs = {};
  std::vector<PackagedPool> pools = {};          ///< sorted by symbol: the order of parameters
  std::vector<PackagedConstant> constants = {};  ///< in order of first use
  std::vector<PackagedKernel> kernels = {};      ///< in order of first call
  std::vector<PackagedCall> calls = {};
  std::vector<OutputCopy> copies = {};
  std::map<const Value*, size_t> constant_of = {};  ///< index into constants
  /// Where stored values lie: the memory planner's placements, and the inputs and outputs when they
  /// live in the workspace.
  std::map<const Value*, Placement> placements = {};

  bool has_c_interface() const { return options.interface_api == "c"; }
  /// True when the application passes struct tvmgen_<module>_workspace_pools.
  bool has_external_pools() const;
  int64_t workspace_bytes() const;
  int64_t constant_bytes() const;
  int64_t io_bytes() const;
  /// The pool a placement names; check()s that there is one.
  size_t pool_index(const std::string& name) const;
  /// tvmgen_default_<suffix>
  std::string symbol(const std::string& suffix) const { return prefix + "_" + suffix; }
};

PackagedModel package_model(const Graph& graph, const Target& target, const Machine& machine,
                            const PackageOptions& options);

}  // namespace mlfc

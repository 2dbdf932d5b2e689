// _lib0.c: what applications call. It owns the pools that live inside the archive and turns the
// promised interface - two structs, or arrays of packed arguments - into one call of the main
// function.
#include <fmt/format.h>

#include <algorithm>

#include "codegen/mlf/writers.h"
#include "ir/error.h"

namespace mlfc {
namespace {

constexpr int kFloatCode = 2, kFloatBits = 32;  // element type hints for the allocator

std::string workspace_definition(const PackagedModel& model, const PackagedPool& pool) {
  return fmt::format(
      "static uint8_t {}[{}] __attribute__((section(\".bss.noinit.tvm\"), aligned({})));\n",
      pool.symbol, pool.bytes, model.options.workspace_alignment);
}

void append_pool_definitions(std::string& text, const PackagedModel& model) {
  for (size_t i = 0; i < model.pools.size(); i++) {
    const PackagedPool& pool = model.pools[i];
    if (pool.owner != PoolOwner::archive) continue;
    if (pool.is_constant) {
      append_constant_pool(text, model, i);
    } else {
      text += workspace_definition(model, pool);
    }
    text += "\n";
  }
}

bool pools_need_math(const PackagedModel& model) {
  return std::any_of(model.constants.begin(), model.constants.end(), [](const auto& constant) {
    return needs_math_constants(*constant.value->constant);
  });
}

std::string includes(const PackagedModel& model) {
  std::string text;
  if (model.options.system_lib) text += "#include <tvm/runtime/crt/module.h>\n";
  text += "#include \"tvm/runtime/c_runtime_api.h\"\n#include \"tvm/runtime/c_backend_api.h\"\n";
  if (pools_need_math(model)) text += "#include <math.h>\n";
  text += "#include <stddef.h>\n#include <stdint.h>\n";
  if (!model.has_c_interface()) text += "#include \"tvm/runtime/metadata_types.h\"\n";
  if (model.has_c_interface()) text += "#include <" + model.prefix + ".h>\n";
  return text + "\n";
}

// How this file spells the address of a pool; `external` gives those the application owns.
template <typename External>
std::vector<std::string> pool_arguments(const PackagedModel& model, const External& external) {
  std::vector<std::string> arguments;
  for (const PackagedPool& pool : model.pools) {
    const char* cast = pool.is_constant ? "(const uint8_t*)" : "(uint8_t*)";
    switch (pool.owner) {
      case PoolOwner::application:
        arguments.push_back(cast + external(pool));
        break;
      case PoolOwner::allocator:
        arguments.push_back("(uint8_t*)workspace");
        break;
      case PoolOwner::archive:
        if (pool.is_constant && has_constants_file(model)) {
          arguments.push_back(model.symbol("constants"));
        } else {
          arguments.push_back(fmt::format("({}&{})", cast, pool.symbol));
        }
    }
  }
  return arguments;
}

const PackagedPool* allocated_pool(const PackagedModel& model) {
  const PackagedPool* allocated = nullptr;
  for (const PackagedPool& pool : model.pools) {
    if (pool.owner != PoolOwner::allocator) continue;
    check(allocated == nullptr, "several pools without static planning");
    allocated = &pool;
  }
  return allocated;
}

// The body of every entry point. Without static planning the workspace is one block, taken and
// returned here: any allocator that gives back what it got last is enough.
std::string call_main(const PackagedModel& model, const std::vector<std::string>& arguments) {
  const std::string call =
      fmt::format("{}({})", model.symbol("__tvm_main__"), fmt::join(arguments, ", "));
  const PackagedPool* pool = allocated_pool(model);
  if (!pool) return "  return " + call + ";\n";
  return fmt::format(
      "  void* workspace = TVMBackendAllocWorkspace(1, 0, (uint64_t){}, {}, {});\n"
      "  int32_t status;\n"
      "  if (workspace == NULL) return -1;\n"
      "  status = {};\n"
      "  if (TVMBackendFreeWorkspace(1, 0, workspace) != 0) return -1;\n"
      "  return status;\n",
      pool->bytes, kFloatCode, kFloatBits, call);
}

std::string struct_entry(const PackagedModel& model) {
  const std::string pools =
      fmt::format("struct {}* workspace_pools", model.symbol("workspace_pools"));
  std::vector<std::string> parameters, arguments;
  if (!model.options.io_in_workspace) {
    parameters = {fmt::format("struct {}* inputs", model.symbol("inputs")),
                  fmt::format("struct {}* outputs", model.symbol("outputs"))};
    for (const PackagedTensor& input : model.inputs) arguments.push_back("inputs->" + input.member);
    for (const PackagedTensor& output : model.outputs) {
      arguments.push_back("outputs->" + output.member);
    }
  }
  if (model.has_external_pools()) parameters.push_back(pools);
  for (std::string& argument : pool_arguments(
           model, [](const PackagedPool& pool) { return "workspace_pools->" + pool.symbol; })) {
    arguments.push_back(std::move(argument));
  }
  std::string text =
      fmt::format("TVM_DLL int32_t {}({}) {{\n", model.symbol("run"), fmt::join(parameters, ", "));
  if (!model.options.io_in_workspace && model.inputs.empty()) text += "  (void)inputs;\n";
  return text + call_main(model, arguments) + "}\n";
}

std::string map_function(const PackagedModel& model, const std::string& kind,
                         const std::vector<PackagedTensor>& tensors) {
  std::string text = fmt::format(
      "TVM_DLL struct {0} {1}(struct {2}* workspace_pools) {{\n  struct {0} {3};\n",
      model.symbol(kind), model.symbol("map_" + kind), model.symbol("workspace_pools"), kind);
  if (tensors.empty()) text += "  (void)workspace_pools;\n  " + kind + ".none = NULL;\n";
  for (const PackagedTensor& tensor : tensors) {
    const Placement& place = model.placements.at(tensor.value);
    const PackagedPool& pool = model.pools[model.pool_index(place.pool)];
    text += fmt::format("  {}.{} = &((uint8_t*)workspace_pools->{})[{}];\n", kind, tensor.member,
                        pool.symbol, place.offset);
  }
  return text + "  return " + kind + ";\n}\n\n";
}

// Arguments of the packed interface: inputs, outputs, then the pools the application owns. Callers
// are known to pass no counts and no types, so nothing is checked here.
std::string packed_entry(const PackagedModel& model) {
  size_t next = 0;
  const auto tensor = [&next] { return fmt::format("tensor_data(args, {})", next++); };
  std::vector<std::string> arguments;
  for (size_t i = 0; i < model.inputs.size() + model.outputs.size(); i++) {
    arguments.push_back(tensor());
  }
  for (std::string& argument :
       pool_arguments(model, [&](const PackagedPool&) { return tensor(); })) {
    arguments.push_back(std::move(argument));
  }
  std::string text =
      "TVM_DLL int32_t " + packed_signature(model.symbol("run")) + " {\n" + ignore_packed();
  if (next == 0) text += "  (void)args;\n";
  return text + call_main(model, arguments) + "}\n";
}

}  // namespace

std::string packed_signature(const std::string& name) {
  return name +
         "(TVMValue* args, int* type_codes, int num_args, TVMValue* out_value, "
         "int* out_type_code, void* resource_handle)";
}

std::string ignore_packed() {
  return "  (void)type_codes;\n  (void)num_args;\n  (void)out_value;\n  (void)out_type_code;\n"
         "  (void)resource_handle;\n";
}

std::string entry_source(const PackagedModel& model) {
  // Constants are most of this text, up to hundreds of megabytes: they are appended in place.
  std::string body = includes(model) + begin_c_linkage();
  if (model.options.system_lib) body += restrict_macro();
  if (!model.has_c_interface()) {
    body += fmt::format("TVM_DLL int32_t {};\n", packed_signature(model.symbol("run")));
  }
  body += model.options.system_lib ? function_declarations(model)
                                   : fmt::format("TVM_DLL int32_t {};\n", main_signature(model));
  body += '\n';
  append_pool_definitions(body, model);
  if (!model.has_c_interface() || model.options.system_lib) {
    body +=
        "static TVM_ATTRIBUTE_UNUSED void* tensor_data(TVMValue* args, int index) {\n"
        "  return ((DLTensor*)args[index].v_handle)->data;\n"
        "}\n\n";
  }
  if (model.options.io_in_workspace) {
    body += map_function(model, "inputs", model.inputs);
    body += map_function(model, "outputs", model.outputs);
  }
  body += (model.has_c_interface() ? struct_entry(model) : packed_entry(model)) + "\n";
  if (!model.has_c_interface()) {
    // With the unpacked API there is no second file of tables; it would be lost on builds that name
    // the files they compile.
    body += model.options.unpacked_api
                ? metadata_table(model)
                : "TVM_DLL int32_t " + packed_signature(model.symbol("get_c_metadata")) + ";\n\n";
  }
  if (model.options.system_lib) body += system_library(model);
  return body += end_c_linkage();
}

}  // namespace mlfc

// `--runtime-crt-system-lib=1`: a table of all functions that the C runtime finds through
// TVMSystemLibEntryPoint. Tables hold packed functions, the model's functions take plain pointers
// or structs; each gets a static adapter, so both interfaces exist side by side.
#include <fmt/format.h>

#include "codegen/mlf/writers.h"

namespace mlfc {
namespace {

class SystemLibrary {
 public:
  explicit SystemLibrary(const PackagedModel& model) : model_(model) {}

  std::string text() {
    run_adapter();
    for (const PackagedKernel& kernel : model_.kernels) kernel_adapter(kernel);
    main_adapter();
    return adapters_ + registry();
  }

 private:
  void adapter(const std::string& symbol, size_t arguments, const std::string& statements) {
    const std::string name = fmt::format("packed_{}", functions_.size());
    adapters_ += "static int " + packed_signature(name) + " {\n";
    adapters_ += ignore_packed();
    if (arguments == 0) adapters_ += "  (void)args;\n";
    adapters_ += statements + "}\n\n";
    functions_.push_back({symbol, name});
  }

  static std::string tensor(size_t index) { return fmt::format("tensor_data(args, {})", index); }

  size_t external_pools() const {
    size_t count = 0;
    for (const PackagedPool& pool : model_.pools) count += pool.owner == PoolOwner::application;
    return count;
  }

  void run_adapter() {
    const std::string run = model_.symbol("run");
    if (!model_.has_c_interface()) {
      adapter_of_packed(run);
      adapter_of_packed(model_.symbol("get_c_metadata"));
      return;
    }
    size_t next = 0;
    std::string statements;
    std::vector<std::string> arguments;
    const auto add_struct = [&](const std::string& kind, size_t members) {
      statements += fmt::format("  struct {} {} = {{", model_.symbol(kind), kind);
      for (size_t i = 0; i < members; i++) statements += (i ? ", " : "") + tensor(next++);
      statements += members == 0 ? "NULL};\n" : "};\n";
      arguments.push_back("&" + kind);
    };
    if (!model_.options.io_in_workspace) {
      add_struct("inputs", model_.inputs.size());
      add_struct("outputs", model_.outputs.size());
    }
    if (model_.has_external_pools()) add_struct("workspace_pools", external_pools());
    statements += fmt::format("  return (int){}({});\n", run, fmt::join(arguments, ", "));
    adapter(run, next, statements);
  }

  // Packed already, but int32_t is not int everywhere.
  void adapter_of_packed(const std::string& symbol) {
    const std::string name = fmt::format("packed_{}", functions_.size());
    adapters_ += "static int " + packed_signature(name) + " {\n";
    adapters_ += fmt::format(
        "  return (int){}(args, type_codes, num_args, out_value, out_type_code, "
        "resource_handle);\n}}\n\n",
        symbol);
    functions_.push_back({symbol, name});
  }

  void kernel_adapter(const PackagedKernel& kernel) {
    std::vector<std::string> arguments;
    for (const EmittedFunction::Parameter& parameter : kernel.function.parameters) {
      arguments.push_back(cast_to(parameter.type) + tensor(arguments.size()));
    }
    adapter(kernel.symbol, arguments.size(),
            fmt::format("  return (int){}({});\n", kernel.symbol, fmt::join(arguments, ", ")));
  }

  // Tensors and all pools, in the order of its parameters.
  void main_adapter() {
    std::vector<std::string> arguments;
    if (!model_.options.io_in_workspace) {
      while (arguments.size() < model_.inputs.size() + model_.outputs.size()) {
        arguments.push_back(tensor(arguments.size()));
      }
    }
    for (const PackagedPool& pool : model_.pools) {
      const char* cast = pool.is_constant ? "(const uint8_t*)" : "(uint8_t*)";
      arguments.push_back(cast + tensor(arguments.size()));
    }
    const std::string symbol = model_.symbol("__tvm_main__");
    adapter(symbol, arguments.size(),
            fmt::format("  return (int){}({});\n", symbol, fmt::join(arguments, ", ")));
  }

  // Names as the runtime reads them: their number in two bytes, then each with its final zero. A
  // struct of arrays, because C99 compilers need not take a string of more than 4095 characters.
  std::string registry() const {
    const size_t count = functions_.size();
    std::string members, names, adapters;
    for (size_t i = 0; i < count; i++) {
      const Function& function = functions_[i];
      members += fmt::format("  char name_{}[{}];\n", i, function.symbol.size() + 1);
      names += fmt::format("    \"{}\",\n", function.symbol);
      adapters += fmt::format("    {},\n", function.adapter);
    }
    return fmt::format(
        "static const struct {{\n  char count[2];\n{}}} _tvm_func_names = {{\n"
        "    {{'\\{:03o}', '\\{:03o}'}},\n{}}};\n\n"
        "static const TVMBackendPackedCFunc _tvm_func_array[] = {{\n{}}};\n\n"
        "static const TVMFuncRegistry _tvm_func_registry = {{\n"
        "    (const char*)&_tvm_func_names,\n    _tvm_func_array,\n}};\n\n"
        "static const TVMModule _tvm_system_lib = {{\n    &_tvm_func_registry,\n}};\n\n"
        "const TVMModule* TVMSystemLibEntryPoint(void) {{\n  return &_tvm_system_lib;\n}}\n\n",
        members, count & 0xff, count >> 8 & 0xff, names, adapters);
  }

  struct Function {
    std::string symbol = {};
    std::string adapter = {};
  };

  const PackagedModel& model_;
  std::string adapters_ = {};
  std::vector<Function> functions_ = {};
};

}  // namespace

std::string system_library(const PackagedModel& model) {
  return SystemLibrary(model).text();
}

}  // namespace mlfc

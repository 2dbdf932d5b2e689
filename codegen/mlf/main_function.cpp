// The main function: where every intermediate value lies, then the kernels in order. Tools read the
// `void* sid_N_let = (&(pool[offset]));` lines right after the line with its name, so signature and
// each of those stay on one line, in exactly this spelling.
#include <fmt/format.h>

#include <map>

#include "codegen/mlf/writers.h"
#include "ir/error.h"

namespace mlfc {
namespace {

constexpr size_t kColumns = 100;

class MainFunction {
 public:
  explicit MainFunction(const PackagedModel& model) : model_(model) {
    for (const PackagedTensor& input : model.inputs) caller_[input.value] = input.parameter;
    // A value that is both (or an output twice) is read from its first place; see add_copies.
    for (const PackagedTensor& output : model.outputs) {
      caller_.emplace(output.value, output.parameter);
    }
  }

  std::string definition() {
    std::string calls;
    for (const PackagedCall& call : model_.calls) calls += call_text(call);
    std::string copies;
    for (const OutputCopy& copy : model_.copies) copies += copy_text(copy);
    std::string text = "TVM_DLL int32_t " + main_signature(model_) + " {\n";
    text += storage_ + unused_parameters() + calls + copies;
    return text + "  return 0;\n}\n";
  }

 private:
  // How the main function spells the address of a value's storage.
  std::string address(const Value& value) {
    const Value& storage = storage_of(value);
    if (const auto constant = model_.constant_of.find(&storage);
        constant != model_.constant_of.end()) {
      const PackagedConstant& place = model_.constants[constant->second];
      const std::string& pool = used(model_.pools[place.pool].variable);
      return fmt::format("(const void*)(&({}[{}]))", pool, place.offset);
    }
    if (model_.placements.contains(&storage)) return sid(storage);
    const auto parameter = caller_.find(&storage);
    check(parameter != caller_.end(), describe(storage), " has no storage");
    return used(parameter->second);
  }

  const std::string& used(const std::string& parameter) {
    used_[parameter] = true;
    return parameter;
  }

  std::string sid(const Value& storage) {
    const auto [known, is_new] = sids_.emplace(&storage, fmt::format("sid_{}_let", next_sid_));
    if (!is_new) return known->second;
    next_sid_++;
    const Placement& place = model_.placements.at(&storage);
    const PackagedPool& pool = model_.pools[model_.pool_index(place.pool)];
    const int64_t end = place.offset + storage.type.storage_bytes();
    check(end <= pool.bytes, describe(storage), " ends ", end - pool.bytes, " bytes behind pool '",
          pool.name, "'");
    storage_ += fmt::format("  void* {} = (&({}[{}]));\n", known->second, used(pool.variable),
                            place.offset);
    return known->second;
  }

  std::string call_text(const PackagedCall& call) {
    const PackagedKernel& kernel = model_.kernels[call.kernel];
    std::vector<std::string> arguments;
    for (size_t i = 0; i < call.arguments.size(); i++) {
      arguments.push_back(cast_to(kernel.function.parameters[i].type) +
                          address(*call.arguments[i]));
    }
    const std::string line =
        fmt::format("  if ({}({}) != 0 ) return -1;\n", kernel.symbol, fmt::join(arguments, ", "));
    if (line.size() <= kColumns + 1) return line;
    return fmt::format("  if ({}(\n          {}) != 0 ) return -1;\n", kernel.symbol,
                       fmt::join(arguments, ",\n          "));
  }

  std::string copy_text(const OutputCopy& copy) {
    const PackagedTensor& output = model_.outputs[copy.output];
    const std::string source = address(*copy.source);
    const bool is_placed = model_.placements.contains(output.value);
    const std::string target = is_placed ? sid(*output.value) : used(output.parameter);
    if (target == source || output.bytes == 0) return "";
    return fmt::format("  memcpy({}, {}, {});\n", target, source, output.bytes);
  }

  std::string unused_parameters() {
    std::vector<std::string> names;
    if (!model_.options.io_in_workspace) {
      for (const PackagedTensor& input : model_.inputs) names.push_back(input.parameter);
      for (const PackagedTensor& output : model_.outputs) names.push_back(output.parameter);
    }
    for (const PackagedPool& pool : model_.pools) names.push_back(pool.variable);
    std::string text;
    for (const std::string& name : names) {
      if (!used_.contains(name)) text += "  (void)" + name + ";\n";
    }
    return text;
  }

  const PackagedModel& model_;
  std::map<const Value*, std::string> caller_ = {};
  std::map<const Value*, std::string> sids_ = {};
  std::map<std::string, bool> used_ = {};
  std::string storage_ = {};
  int next_sid_ = 1;
};

}  // namespace

std::string main_signature(const PackagedModel& model) {
  std::vector<std::string> parameters;
  if (!model.options.io_in_workspace) {
    for (const PackagedTensor& input : model.inputs) {
      parameters.push_back("const void* " + input.parameter);
    }
    for (const PackagedTensor& output : model.outputs) {
      parameters.push_back("void* " + output.parameter);
    }
  }
  for (const PackagedPool& pool : model.pools) {
    parameters.push_back((pool.is_constant ? "const uint8_t* " : "uint8_t* ") + pool.variable);
  }
  if (parameters.empty()) parameters.push_back("void");
  return fmt::format("{}({})", model.symbol("__tvm_main__"), fmt::join(parameters, ", "));
}

std::string main_definition(const PackagedModel& model) {
  return MainFunction(model).definition();
}

}  // namespace mlfc

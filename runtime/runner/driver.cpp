// Writes driver.c. The allocator gives exactly as many bytes as the metadata promises to need, so
// that a wrong promise is found here and not on a board.
#include "runtime/runner/driver.h"

#include <algorithm>
#include <cctype>
#include <regex>

#include "ir/error.h"

namespace mlfc {
namespace {

std::string c_string(const std::string& text) {
  std::string literal = "\"";
  for (const char c : text) {
    const bool simple = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                        std::string_view("_.-/: ").find(c) != std::string_view::npos;
    literal += simple ? std::string(1, c) : fmt::format("\\{:03o}", static_cast<unsigned char>(c));
  }
  return literal + "\"";
}

std::string table(const std::string& kind, const std::vector<ArchiveTensor>& tensors) {
  std::string text = fmt::format("struct harness_tensor harness_{}s[] = {{\n", kind);
  for (const ArchiveTensor& tensor : tensors) {
    const int64_t bytes = tensor.type.elements() * bytes_of(tensor.type.dtype);
    text += fmt::format("    {{{}, 0, {}}},\n", c_string(tensor.name), bytes);
  }
  if (tensors.empty()) text += "    {0, 0, 0},\n";
  return text + fmt::format("}};\nconst size_t harness_{}_count = {};\n\n", kind, tensors.size());
}

std::string allocator(int64_t bytes) {
  return fmt::format(R"(
static uint8_t workspace[{0}] __attribute__((aligned(64)));
static uint64_t workspace_used;

void* TVMBackendAllocWorkspace(int device_type, int device_id, uint64_t bytes, int code, int bits) {{
  (void)device_type, (void)device_id, (void)code, (void)bits;
  const uint64_t rounded = (bytes + 15) / 16 * 16;
  if (rounded > {1}u - workspace_used) return 0;
  void* const place = workspace + workspace_used;
  workspace_used += rounded;
  return place;
}}

int TVMBackendFreeWorkspace(int device_type, int device_id, void* place) {{
  (void)device_type, (void)device_id;
  const uint64_t offset = (uint64_t)((uint8_t*)place - workspace);
  if (offset > workspace_used) return -1;
  workspace_used = offset;
  return 0;
}}
)",
                     std::max<int64_t>(bytes, 1), bytes);
}

std::string pools(const ArchiveInterface& interface) {
  std::string text;
  std::string members;
  for (const ArchivePool& pool : interface.pools) {
    const std::string data = pool.data_macro.empty() ? "" : " = {" + pool.data_macro + "}";
    text +=
        fmt::format("static uint8_t pool_{0}[{1} > 0 ? {1} : 1] __attribute__((aligned(64))){2};\n",
                    pool.member, pool.size_macro, data);
    members += (members.empty() ? "pool_" : ", pool_") + pool.member;
  }
  if (interface.pools.empty()) return "";
  return text + fmt::format("static struct tvmgen_{}_workspace_pools pools = {{{}}};\n\n",
                            interface.module, members);
}

std::string struct_of(const ArchiveInterface& interface, const std::string& kind,
                      const std::vector<ArchiveTensor>& tensors) {
  std::string text = fmt::format("  struct tvmgen_{0}_{1}s {1}s;\n", interface.module, kind);
  for (size_t i = 0; i < tensors.size(); ++i) {
    text += fmt::format("  {0}s.{1} = harness_{0}s[{2}].data;\n", kind, tensors[i].member, i);
  }
  return text;
}

/// Inputs and outputs that live in the workspace are found by the archive's own functions.
std::string setup_in_workspace(const ArchiveInterface& interface) {
  std::string text = "int harness_setup(void) {\n";
  for (const auto& [kind, tensors] :
       {std::pair{"input", &interface.inputs}, std::pair{"output", &interface.outputs}}) {
    text += fmt::format("  const struct tvmgen_{0}_{1}s {1}s = tvmgen_{0}_map_{1}s(&pools);\n",
                        interface.module, kind);
    for (size_t i = 0; i < tensors->size(); ++i) {
      text += fmt::format("  harness_{0}s[{1}].data = {0}s.{2};\n", kind, i, (*tensors)[i].member);
    }
    text += fmt::format("  (void){}s;\n", kind);
  }
  return text + "  return 0;\n}\n\n";
}

std::string c_interface_driver(const ArchiveInterface& interface) {
  std::string text = pools(interface);
  std::string body;
  std::vector<std::string> arguments;
  if (interface.io_in_workspace) {
    text += setup_in_workspace(interface);
  } else {
    body += struct_of(interface, "input", interface.inputs);
    body += struct_of(interface, "output", interface.outputs);
    arguments = {"&inputs", "&outputs"};
  }
  if (!interface.pools.empty()) arguments.emplace_back("&pools");
  if (interface.has_devices) {
    text += fmt::format("static struct tvmgen_{}_devices devices;\n\n", interface.module);
    arguments.emplace_back("&devices");
  }
  return text + fmt::format("int harness_run(void) {{\n{}  return tvmgen_{}_run({});\n}}\n", body,
                            interface.module, fmt::join(arguments, ", "));
}

/// DLPack's code of a dtype: 0 signed, 1 unsigned (booleans are 1 bit of it), 2 float, 4 bfloat.
std::string dl_dtype(DType dtype) {
  const DTypeKind kind = info(dtype).kind;
  if (kind == DTypeKind::boolean) return "{1, 1, 1}";
  const int code = dtype == DType::bf16                  ? 4
                   : kind == DTypeKind::floating         ? 2
                   : kind == DTypeKind::unsigned_integer ? 1
                                                         : 0;
  return fmt::format("{{{}, {}, 1}}", code, 8 * bytes_of(dtype));
}

/// Pools that the application owns follow the outputs; without a header, only the archive's tables
/// tell how many there are and how large. Together they are as large as the metadata promises.
std::string packed_pools(const ArchiveInterface& interface) {
  return fmt::format(R"(
typedef int packed_function(TVMValue* args, int* codes, int count, TVMValue* result,
                            int* result_code, void* resource);
packed_function tvmgen_{0}_run;
packed_function tvmgen_{0}_get_c_metadata;

enum {{ most_pools = 64, pool_alignment = 64 }};
static uint8_t pool_bytes[{1} + most_pools * pool_alignment]
    __attribute__((aligned(pool_alignment)));

static int append_pools(DLTensor* tensors, TVMValue* values, int* codes, int count) {{
  TVMValue result;
  int result_code = 0;
  const struct TVMMetadata* metadata;
  uint64_t used = 0;
  tvmgen_{0}_get_c_metadata(0, 0, 0, &result, &result_code, 0);
  metadata = (const struct TVMMetadata*)result.v_handle;
  if (metadata->num_workspace_pools > most_pools) return -1;
  for (int64_t i = 0; i < metadata->num_workspace_pools; i++, count++) {{
    const uint64_t bytes = (uint64_t)metadata->workspace_pools[i].shape[0];
    if (used + bytes > sizeof pool_bytes) return -1;
    tensors[count].data = pool_bytes + used;
    values[count].v_handle = &tensors[count];
    codes[count] = kTVMDLTensorHandle;
    used += (bytes + pool_alignment - 1) / pool_alignment * pool_alignment;
  }}
  return count;
}}

)",
                     interface.module, interface.workspace_bytes);
}

std::string packed_driver(const ArchiveInterface& interface) {
  const size_t count = interface.inputs.size() + interface.outputs.size();
  std::string text = packed_pools(interface);
  text += fmt::format(
      "int harness_run(void) {{\n"
      "  static DLTensor tensors[{0} + most_pools];\n  TVMValue values[{0} + most_pools];\n"
      "  int codes[{0} + most_pools];\n  TVMValue result;\n  int result_code = 0;\n",
      count);
  size_t at = 0;
  for (const auto& [kind, tensors] :
       {std::pair{"input", &interface.inputs}, std::pair{"output", &interface.outputs}}) {
    for (size_t i = 0; i < tensors->size(); ++i, ++at) {
      const TensorType& type = (*tensors)[i].type;
      const std::string dims =
          type.shape.empty() ? "1" : fmt::format("{}", fmt::join(type.shape, ", "));
      text += fmt::format(
          "  {{\n    static int64_t shape[] = {{{0}}};\n    const DLDataType dtype = {1};\n"
          "    tensors[{2}].data = harness_{3}s[{4}].data;\n"
          "    tensors[{2}].device.device_type = kDLCPU;\n    tensors[{2}].ndim = {5};\n"
          "    tensors[{2}].dtype = dtype;\n    tensors[{2}].shape = shape;\n"
          "    values[{2}].v_handle = &tensors[{2}];\n    codes[{2}] = kTVMDLTensorHandle;\n  }}\n",
          dims, dl_dtype(type.dtype), at, kind, i, type.shape.size());
    }
  }
  return text + fmt::format(
                    "  const int count = append_pools(tensors, values, codes, {});\n"
                    "  if (count < 0) return -1;\n"
                    "  return tvmgen_{}_run(values, codes, count, &result, &result_code, 0);\n}}\n",
                    count, interface.module);
}

}  // namespace

std::string driver_source(const ArchiveInterface& interface) {
  std::string text = "#include <stddef.h>\n#include <stdint.h>\n\n#include \"harness.h\"\n";
  text += interface.packed ? "#include \"tvm/runtime/c_runtime_api.h\"\n"
                             "#include \"tvm/runtime/metadata_types.h\"\n"
                           : fmt::format("#include \"tvmgen_{}.h\"\n", interface.module);
  text += "\n" + table("input", interface.inputs) + table("output", interface.outputs);
  text += interface.packed ? packed_driver(interface) : c_interface_driver(interface);
  return text + allocator(interface.workspace_bytes);
}

std::vector<std::string> count_kernels(std::string& source, const std::string& module) {
  std::vector<std::string> kernels;
  const std::string main_name = "tvmgen_" + module + "___tvm_main__";
  const std::regex signature(main_name + R"(\([^;{]*\)\s*\{)");
  std::smatch match;
  if (!std::regex_search(source, match, signature)) return kernels;
  const size_t begin = static_cast<size_t>(match.position() + match.length());
  std::string head = source.substr(0, begin);
  std::string rest = source.substr(begin);
  std::string counted;
  // A call ends at `return -1;`, however many lines its arguments take.
  const std::regex call(R"(if \((tvmgen_\w+)\([\s\S]*?return -1;)");
  while (std::regex_search(rest, match, call)) {
    const size_t id = kernels.size();
    kernels.push_back(match[1]);
    counted += match.prefix().str() + fmt::format("harness_kernel_begin({}); ", id) + match.str() +
               fmt::format(" harness_kernel_end({});", id);
    rest = match.suffix();
  }
  source = "#include \"harness.h\"\n" + head + counted + rest;
  return kernels;
}

}  // namespace mlfc

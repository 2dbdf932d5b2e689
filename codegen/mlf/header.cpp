// include/tvmgen_<module>.h: the C interface of a model. Applications name its structs, members and
// macros, and some read its text line by line: every macro with a number is one line with single
// blanks. Members stand in the order of the model, because positional initialisers are in use.
#include <fmt/format.h>

#include <algorithm>

#include "codegen/mlf/names.h"
#include "codegen/mlf/writers.h"

namespace mlfc {
namespace {

class Header {
 public:
  explicit Header(const PackagedModel& model) : model_(model) {}

  std::string text() {
    const std::string guard = model_.macros + "_H_";
    out_ = fmt::format("#ifndef {0}\n#define {0}\n#include <stdint.h>\n\n", guard);
    out_ += "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
    sizes();
    structs();
    functions();
    pools();
    out_ += fmt::format("#ifdef __cplusplus\n}}\n#endif\n\n#endif // {}\n", guard);
    return out_;
  }

 private:
  void comment(const std::string& brief) {
    out_ += fmt::format("/*!\n * \\brief {} for TVM module \"{}\"\n */\n", brief, model_.module);
  }

  void sizes() {
    for (const PackagedTensor& input : model_.inputs) {
      comment("Bytes of input \"" + comment_line(input.name) + "\"");
      out_ += fmt::format("#define {} {}\n\n", input.size_macro, input.bytes);
    }
    for (const PackagedTensor& output : model_.outputs) {
      comment("Bytes of output \"" + comment_line(output.name) + "\"");
      out_ += fmt::format("#define {} {}\n\n", output.size_macro, output.bytes);
    }
  }

  void structure(const std::string& suffix, const std::vector<std::string>& members) {
    out_ += fmt::format("struct {} {{\n", model_.symbol(suffix));
    for (const std::string& member : members) out_ += "  void* " + member + ";\n";
    // Empty structs are no C.
    if (members.empty()) out_ += "  void* none;\n";
    out_ += "};\n\n";
  }

  void structs() {
    std::vector<std::string> inputs, outputs, pools;
    for (const PackagedTensor& input : model_.inputs) inputs.push_back(input.member);
    for (const PackagedTensor& output : model_.outputs) outputs.push_back(output.member);
    for (const PackagedPool& pool : model_.pools) {
      if (pool.owner == PoolOwner::application) pools.push_back(pool.symbol);
    }
    comment("Pointers to the inputs, in the order of the model,");
    structure("inputs", inputs);
    comment("Pointers to the outputs, in the order of the model,");
    structure("outputs", outputs);
    if (pools.empty()) return;
    const int64_t alignment =
        std::max(model_.options.workspace_alignment, model_.options.constant_alignment);
    comment(fmt::format(
        "Pointers to the memory pools that the application provides, aligned to {} bytes,",
        alignment));
    structure("workspace_pools", pools);
  }

  void functions() {
    const std::string pools =
        fmt::format("struct {}* workspace_pools", model_.symbol("workspace_pools"));
    std::string arguments = fmt::format("struct {}* inputs, struct {}* outputs",
                                        model_.symbol("inputs"), model_.symbol("outputs"));
    if (model_.options.io_in_workspace) {
      for (const std::string kind : {"inputs", "outputs"}) {
        comment("Where the " + kind + " lie in the pools");
        out_ += fmt::format("struct {} {}({});\n\n", model_.symbol(kind),
                            model_.symbol("map_" + kind), pools);
      }
      arguments = pools;
    } else if (model_.has_external_pools()) {
      arguments += ", " + pools;
    }
    comment("Runs the model once; 0 means success,");
    out_ += fmt::format("int32_t {}({});\n\n", model_.symbol("run"), arguments);
  }

  void pools() {
    comment("Bytes of all workspace pools");
    out_ +=
        fmt::format("#define {}_WORKSPACE_SIZE {}\n\n", model_.macros, model_.workspace_bytes());
    for (size_t i = 0; i < model_.pools.size(); i++) {
      const PackagedPool& pool = model_.pools[i];
      if (pool.owner != PoolOwner::application) continue;
      const std::string stem = model_.macros + "_" + upper_cased(pool.symbol) +
                               (pool.is_constant ? "_CONSTANT_POOL" : "_WORKSPACE_POOL");
      comment("Bytes of pool \"" + comment_line(pool.name) + "\"");
      out_ += fmt::format("#define {}_SIZE {}\n\n", stem, pool.bytes);
      if (!pool.is_constant) continue;
      comment("What pool \"" + comment_line(pool.name) + "\" must contain");
      out_ += fmt::format("#define {}_DATA \\\n", stem);
      pool_data(constant_pool_bytes(model_, i));
    }
  }

  // A list for an array initialiser, sixteen bytes a line.
  void pool_data(const std::string& bytes) {
    constexpr size_t kBytesPerLine = 16;
    constexpr char kHex[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size(); i++) {
      const auto byte = static_cast<unsigned char>(bytes[i]);
      out_ += i % kBytesPerLine == 0 ? "  0x" : " 0x";
      out_ += kHex[byte >> 4];
      out_ += kHex[byte & 15];
      const bool is_last = i + 1 == bytes.size();
      if (!is_last) out_ += (i + 1) % kBytesPerLine == 0 ? ", \\\n" : ",";
    }
    out_ += "\n\n";
  }

  const PackagedModel& model_;
  std::string out_ = {};
};

}  // namespace

std::string header_text(const PackagedModel& model) {
  return Header(model).text();
}

}  // namespace mlfc

// What a model with the packed interface says of itself at run time: its tensors as constant
// tables, handed out by tvmgen_<module>_get_c_metadata. The runtime's executor makes the arguments
// of a run from them. Pools are listed only when the caller has to bring them.
#include <fmt/format.h>

#include "codegen/mlf/names.h"
#include "codegen/mlf/writers.h"

namespace mlfc {
namespace {

struct Row {
  std::string name = {};
  Shape shape = {};
  DLType type = {};
};

std::vector<Row> rows_of(const std::vector<PackagedTensor>& tensors) {
  std::vector<Row> rows;
  for (const PackagedTensor& tensor : tensors) {
    const TensorType& type = tensor.value->type;
    rows.push_back({tensor.name, type.shape, dl_type(type.dtype)});
  }
  return rows;
}

std::vector<Row> rows_of_pools(const PackagedModel& model) {
  std::vector<Row> rows;
  for (const PackagedPool& pool : model.pools) {
    if (pool.owner != PoolOwner::application) continue;
    rows.push_back({pool.name, {pool.bytes}, dl_type(DType::u8)});
  }
  return rows;
}

// C99 compilers need not take string literals of more than 4095 characters; arrays may be longer.
std::string character_array(const std::string& symbol, const std::string& text) {
  std::string elements;
  for (const char c : text) elements += fmt::format("'\\{:03o}',", static_cast<unsigned char>(c));
  return fmt::format("static const char {}[] = {{{}0}};\n", symbol, elements);
}

// Shapes, then the table that points at them; nothing at all for an empty one.
std::string table(const std::string& name, const std::vector<Row>& rows) {
  if (rows.empty()) return "";
  constexpr size_t kLongestLiteral = 4095;
  std::string shapes, lines;
  for (size_t i = 0; i < rows.size(); i++) {
    const Row& row = rows[i];
    const std::string shape = fmt::format("{}_shape_{}", name, i);
    const size_t rank = row.shape.size();
    if (rank > 0) {
      shapes += fmt::format("static const int64_t {}[{}] = {{{}}};\n", shape, rank,
                            fmt::join(row.shape, ", "));
    }
    std::string text = string_literal(row.name);
    if (row.name.size() > kLongestLiteral) {
      text = fmt::format("{}_name_{}", name, i);
      shapes += character_array(text, row.name);
    }
    lines += fmt::format("    {{{}, {}, {}, {{{}, {}, 1}}}},\n", text, rank > 0 ? shape : "NULL",
                         rank, row.type.code, row.type.bits);
  }
  return shapes + fmt::format("static const struct TVMTensorInfo {}[{}] = {{\n{}}};\n\n", name,
                              rows.size(), lines);
}

std::string reference(const std::string& name, const std::vector<Row>& rows) {
  return fmt::format("    {}, {},\n", rows.empty() ? "NULL" : name, rows.size());
}

}  // namespace

std::string metadata_table(const PackagedModel& model) {
  const std::vector<Row> inputs = rows_of(model.inputs);
  const std::vector<Row> outputs = rows_of(model.outputs);
  const std::vector<Row> pools = rows_of_pools(model);
  const std::string signature = packed_signature(model.symbol("get_c_metadata"));
  std::string text = "TVM_DLL int32_t " + signature + ";\n\n";
  text += table("inputs", inputs) + table("outputs", outputs) + table("workspace_pools", pools);
  text += "static const struct TVMMetadata metadata = {\n    1,\n";
  text += reference("inputs", inputs) + reference("outputs", outputs);
  text += reference("workspace_pools", pools) + "    NULL, 0,\n";
  text += "    " + string_literal(model.prefix) + ",\n};\n\n";
  text += "TVM_DLL int32_t " + signature + " {\n";
  text +=
      "  (void)args;\n  (void)type_codes;\n  (void)num_args;\n  (void)resource_handle;\n"
      "  out_value[0].v_handle = (void*)&metadata;\n"
      "  out_type_code[0] = kTVMOpaqueHandle;\n"
      "  return 0;\n}\n\n";
  return text;
}

std::string metadata_table_source(const PackagedModel& model) {
  return "#include \"tvm/runtime/c_runtime_api.h\"\n"
         "#include \"tvm/runtime/metadata_types.h\"\n"
         "#include <stddef.h>\n"
         "#include <stdint.h>\n\n" +
         begin_c_linkage() + metadata_table(model) + end_c_linkage();
}

}  // namespace mlfc

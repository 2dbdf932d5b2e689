// Reads any table of options through flatc's reflection tables.
#include "frontend/tflite/options.h"

#include <flatbuffers/minireflect.h>

#include "ir/error.h"
#include "schema_generated.h"

namespace mlfc {
namespace {

/// Collects the fields of one table of scalars, strings and lists of integers.
class Collector : public flatbuffers::IterationVisitor {
 public:
  Attributes attributes = {};

  void StartSequence() override {}
  void EndSequence() override {}
  void Field(size_t, size_t, flatbuffers::ElementaryType, bool is_list,
             const flatbuffers::TypeTable* type, const char* name, const uint8_t* value) override {
    name_ = name;
    is_list_ = is_list;
    is_enumeration_ = type != nullptr && type->st == flatbuffers::ST_ENUM;
    if (is_list && value != nullptr) attributes[name_] = std::vector<int64_t>{};
  }
  void Bool(bool value) override { add(value ? 1 : 0, nullptr); }
  void Char(int8_t value, const char* name) override { add(value, name); }
  void UChar(uint8_t value, const char* name) override { add(value, name); }
  void Short(int16_t value, const char* name) override { add(value, name); }
  void UShort(uint16_t value, const char* name) override { add(value, name); }
  void Int(int32_t value, const char* name) override { add(value, name); }
  void UInt(uint32_t value, const char* name) override { add(value, name); }
  void Long(int64_t value) override { add(value, nullptr); }
  void ULong(uint64_t value) override { add(static_cast<int64_t>(value), nullptr); }
  void Float(float value) override { attributes[name_] = static_cast<double>(value); }
  void Double(double value) override { attributes[name_] = value; }
  void String(const flatbuffers::String* value) override { attributes[name_] = value->str(); }

 private:
  void add(int64_t value, const char* name) {
    if (is_list_) {
      std::get<std::vector<int64_t>>(attributes[name_]).push_back(value);
    } else if (is_enumeration_) {
      attributes[name_] = name != nullptr ? std::string(name) : "number " + std::to_string(value);
    } else {
      attributes[name_] = value;
    }
  }

  std::string name_ = {};
  bool is_list_ = false;
  bool is_enumeration_ = false;
};

}  // namespace

Attributes tflite_options(const tflite_file::Operator& op) {
  const auto member = static_cast<size_t>(op.builtin_options_type());
  const flatbuffers::TypeTable& options = *tflite_file::BuiltinOptionsTypeTable();
  if (op.builtin_options() == nullptr || member == 0 || member >= options.num_elems) return {};
  const flatbuffers::TypeTable& table =
      *options.type_refs[options.type_codes[member].sequence_ref]();
  if (table.num_elems == 0) return {};
  Collector collector;
  flatbuffers::IterateObject(static_cast<const uint8_t*>(op.builtin_options()), &table, &collector);
  return std::move(collector.attributes);
}

}  // namespace mlfc

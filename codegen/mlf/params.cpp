// parameters/<module>.params: a little-endian list of named arrays. With linked parameters - the
// default - it is the empty list of 32 bytes, because the generated C carries the constants.
#include "codegen/mlf/writers.h"
#include "ir/error.h"

namespace mlfc {
namespace {

constexpr uint64_t kListMagic = 0xF7E58D4F05049CB7u;
constexpr uint64_t kArrayMagic = 0xDD5E40F096B4A13Fu;
constexpr uint64_t kReserved = 0;
constexpr uint32_t kCpu = 1;

template <typename Integer>
void put(std::string& bytes, Integer value) {
  for (size_t i = 0; i < sizeof value; i++) {
    bytes += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
  }
}

void put_array(std::string& bytes, const Tensor& tensor) {
  const DLType type = dl_type(tensor.type.dtype);
  put(bytes, kArrayMagic);
  put(bytes, kReserved);
  put(bytes, kCpu);
  put(bytes, uint32_t{0});  // device id
  put(bytes, static_cast<uint32_t>(tensor.type.rank()));
  put(bytes, static_cast<uint8_t>(type.code));
  put(bytes, static_cast<uint8_t>(type.bits));
  put(bytes, uint16_t{1});  // lanes
  for (const int64_t extent : tensor.type.shape) put(bytes, extent);
  put(bytes, static_cast<int64_t>(tensor.bytes.size()));
  bytes.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
}

}  // namespace

DLType dl_type(DType dtype) {
  constexpr int kInt = 0, kUnsigned = 1, kFloat = 2, kBfloat = 4;
  const int bits = 8 * bytes_of(dtype);
  if (dtype == DType::boolean) return {kUnsigned, 1};  // stored in a byte each
  if (dtype == DType::bf16) return {kBfloat, bits};
  switch (info(dtype).kind) {
    case DTypeKind::signed_integer:
      return {kInt, bits};
    case DTypeKind::unsigned_integer:
      return {kUnsigned, bits};
    case DTypeKind::floating:
      return {kFloat, bits};
    default:
      check(false, "a tensor without an element type");
      return {};
  }
}

std::string params_bytes(const PackagedModel& model) {
  std::vector<const Value*> parameters;
  if (!model.options.link_params) {
    for (const PackagedConstant& constant : model.constants) parameters.push_back(constant.value);
  }
  std::string bytes;
  put(bytes, kListMagic);
  put(bytes, kReserved);
  put(bytes, uint64_t{parameters.size()});
  for (const Value* value : parameters) {
    put(bytes, uint64_t{value->name.size()});
    bytes += value->name;
  }
  put(bytes, uint64_t{parameters.size()});
  for (const Value* value : parameters) {
    // Readers know nothing of layouts.
    put_array(bytes, repacked(*value->constant, value->constant->type.plain()));
  }
  return bytes;
}

}  // namespace mlfc

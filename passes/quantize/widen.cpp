// Half-precision models hold what a float model would, in fewer bits; quantizing takes those bits
// away again, so nothing is lost by computing with f32 until then.
#include "passes/quantize/widen.h"

#include "ir/error.h"

namespace mlfc {
namespace {

bool is_short_real(DType dtype) {
  return dtype == DType::f16 || dtype == DType::bf16;
}

void widen(Attribute& attribute) {
  if (auto* text = std::get_if<std::string>(&attribute)) {
    if (*text == to_text(DType::f16) || *text == to_text(DType::bf16)) *text = to_text(DType::f32);
  } else if (auto* tensor = std::get_if<Tensor>(&attribute)) {
    if (is_short_real(tensor->type.dtype)) *tensor = converted(*tensor, DType::f32);
  }
}

}  // namespace

int widen_reals(Graph& graph) {
  int changed = 0;
  for (const auto& value : graph.values) {
    if (!is_short_real(value->type.dtype)) continue;
    if (value->is_constant()) value->constant = converted(*value->constant, DType::f32);
    value->type.dtype = DType::f32;
    ++changed;
  }
  for (const auto& node : graph.nodes) {
    for (auto& [name, attribute] : node->attributes) widen(attribute);
    for (const auto& region : node->regions) changed += widen_reals(*region);
  }
  return changed;
}

}  // namespace mlfc

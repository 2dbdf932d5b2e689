// A rule for a custom TFLite operator, as a plugin: `mlfc compile m.tflite --plugin
// custom_rule.so`. "HalfOf" halves its input; what it means is said with operators that exist.
#include "frontend/tflite/rule.h"

namespace mlfc {
namespace {

void half_of(TfliteNode& node) {
  Value& half = node.scalar(node.dtype(0), 0.5);
  node.set_output(0, node.add("mul", {&node.input(0), &half}));
}

const TfliteRule rule{.name = "HalfOf", .is_custom = true, .convert = half_of};
const RegisteredTfliteRule registered{rule};

}  // namespace
}  // namespace mlfc

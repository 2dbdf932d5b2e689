// Rules for custom TFLite operators, as a plugin: `mlfc compile m.tflite --plugin custom_rule.so`.
// What they mean is said with operators that exist. "HalfOf" halves its input. "CIRCULAR_BUFFER",
// which streaming models use, has options in the form of its own and remembers: of every run it
// keeps the input as the newest of its slots and forgets the oldest.
#include <flatbuffers/flexbuffers.h>

#include "frontend/tflite/rule.h"

namespace mlfc {
namespace {

void half_of(TfliteNode& node) {
  Value& half = node.scalar(node.dtype(0), 0.5);
  node.set_output(0, node.add("mul", {&node.input(0), &half}));
}

/// Option cycles_max: the model's rest runs once in so many runs.
int64_t cycles(const TfliteNode& node) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(node.custom_options().data());
  const size_t size = node.custom_options().size();
  if (size == 0) return 1;
  if (!flexbuffers::VerifyBuffer(bytes, size)) fail(node, "its options are damaged");
  return flexbuffers::GetRoot(bytes, size).AsMap()["cycles_max"].AsInt64();
}

void circular_buffer(TfliteNode& node) {
  const TfliteTensor& slots = node.output_tensor(0);
  if (node.rank(0) != 4 || slots.shape.size() != 4 || node.shape(0)[1] != 1 || slots.shape[1] < 1) {
    fail(node, "takes ", node.input(0).type, " into slots of ", Shape(slots.shape),
         "; the second of four dimensions must be 1 and the number of slots");
  }
  if (cycles(node) != 1) fail(node, "runs once in ", cycles(node), " runs; only 1 is supported");
  // A variable named like the output, which begins as zeros.
  Value& before = node.read_resource(slots.name, slots);
  Value& newer =
      node.add("slice", {&before, &node.integers_constant({1}),
                         &node.integers_constant({slots.shape[1]}), &node.integers_constant({1})});
  Value& now = node.add("concat", {&newer, &node.input(0)}, {{"axis", int64_t{1}}});
  node.assign_resource(slots.name, slots, now);
  node.set_output(0, now);
}

const RegisteredTfliteRules registered({
    {.name = "HalfOf", .is_custom = true, .convert = half_of},
    {.name = "CIRCULAR_BUFFER",
     .is_custom = true,
     .computes = Computes::either,
     .convert = circular_buffer},
});

}  // namespace
}  // namespace mlfc

// Turns a schedule's words into an ordered list of loops per stage.
#include "passes/loop/loop_nest.h"

#include <algorithm>

#include "ir/error.h"

namespace mlfc {
namespace {

std::string word_name(const NestLoop& loop) {
  if (loop.part == LoopPart::whole) return loop.axis;
  return loop.axis + (loop.part == LoopPart::outer ? ".o" : ".i");
}

NestLoop whole_loop(const Axis& axis, bool is_reduced) {
  return {
      .axis = axis.name, .variable = axis.name, .extent = axis.extent, .is_reduced = is_reduced};
}

void split_loop(std::vector<NestLoop>& loops, const Word& word) {
  const auto place = std::find_if(loops.begin(), loops.end(), [&](const NestLoop& loop) {
    return loop.part == LoopPart::whole && loop.axis == word.names[0];
  });
  if (place == loops.end()) return;
  NestLoop outer = *place, inner = *place;
  outer.part = LoopPart::outer;
  inner.part = LoopPart::inner;
  outer.block = inner.block = word.amount;
  outer.variable += "_o";
  inner.variable += "_i";
  *place = outer;
  loops.insert(place + 1, inner);
}

// Named loops take the given order; loops that are not named stay outside, as they were.
void order_loops(std::vector<NestLoop>& loops, const Word& word) {
  const auto rank = [&](const NestLoop& loop) {
    const auto found = std::find(word.names.begin(), word.names.end(), word_name(loop));
    return found == word.names.end() ? -1 : static_cast<int>(found - word.names.begin());
  };
  std::stable_sort(loops.begin(), loops.end(),
                   [&](const NestLoop& a, const NestLoop& b) { return rank(a) < rank(b); });
}

void mark_loops(std::vector<NestLoop>& loops, const Word& word, const std::string& mark) {
  for (NestLoop& loop : loops) {
    const bool named =
        std::find(word.names.begin(), word.names.end(), word_name(loop)) != word.names.end();
    if (named) loop.marks.push_back(mark);
  }
}

void apply_word(std::vector<NestLoop>& loops, const Word& word) {
  switch (word.kind) {
    case WordKind::split:
      return split_loop(loops, word);
    case WordKind::order:
      return order_loops(loops, word);
    case WordKind::unroll:
      return mark_loops(loops, word, "unroll");
    case WordKind::lanes:
      return mark_loops(loops, word, "lanes");
    case WordKind::cores:
      return mark_loops(loops, word, "cores");
    case WordKind::frep:
      return mark_loops(loops, word, "frep");
    case WordKind::stage:
    case WordKind::stream:
    case WordKind::call:
      return;  // not about loops: the target's finish() acts on them
  }
}

void check_parts_nested(const std::vector<NestLoop>& loops, const Kernel& kernel) {
  for (size_t i = 0; i < loops.size(); ++i) {
    if (loops[i].part != LoopPart::inner) continue;
    const bool outer_first =
        std::any_of(loops.begin(), loops.begin() + static_cast<long>(i),
                    [&](const NestLoop& loop) { return loop.axis == loops[i].axis; });
    check(outer_first, "schedule of '", kernel.name, "': '", loops[i].axis, ".i' is outside '",
          loops[i].axis, ".o'");
  }
}

}  // namespace

Nest make_nest(const Kernel& kernel, const Schedule& schedule) {
  Nest nest;
  for (const Axis& axis : kernel.axes) nest.shared.push_back(whole_loop(axis, false));
  for (const Stage& stage : kernel.stages) {
    std::vector<NestLoop> loops;
    for (const Axis& axis : stage.parallel) loops.push_back(whole_loop(axis, false));
    for (const Axis& axis : stage.reduce) loops.push_back(whole_loop(axis, true));
    nest.inside.push_back(std::move(loops));
  }
  if (kernel.stages.size() == 1) {
    nest.inside[0].insert(nest.inside[0].begin(), nest.shared.begin(), nest.shared.end());
    nest.shared.clear();
  }
  for (const Word& word : schedule.words) {
    apply_word(nest.shared, word);
    for (auto& loops : nest.inside) apply_word(loops, word);
  }
  check_parts_nested(nest.shared, kernel);
  for (const auto& loops : nest.inside) check_parts_nested(loops, kernel);
  return nest;
}

}  // namespace mlfc

// The words of a schedule and the one place that says which of them fit a kernel.
#include "ir/schedule.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "ir/error.h"
#include "ir/kernel.h"
#include "ir/lexer.h"

namespace mlfc {
namespace {

// The axes a schedule talks about, as they are after the words seen so far.
struct AxisState {
  int64_t extent = 1;
  bool is_reduced = false;
  int stage = -1;  ///< -1: shared by all stages
  bool is_split = false;
};
using AxisStates = std::map<std::string, AxisState>;

AxisStates declared_axes(const Kernel& kernel) {
  AxisStates axes;
  for (const Axis& axis : kernel.axes) axes[axis.name] = {.extent = axis.extent};
  for (int stage = 0; stage < static_cast<int>(kernel.stages.size()); ++stage) {
    for (const Axis& axis : kernel.stages[stage].parallel) {
      axes[axis.name] = {.extent = axis.extent, .stage = stage};
    }
    for (const Axis& axis : kernel.stages[stage].reduce) {
      axes[axis.name] = {.extent = axis.extent, .is_reduced = true, .stage = stage};
    }
  }
  return axes;
}

std::string no_such_axis(const AxisStates& axes, const std::string& name) {
  const auto found = axes.find(name);
  if (found == axes.end()) return "there is no axis '" + name + "'";
  if (found->second.is_split) return "axis '" + name + "' has been split";
  return "";
}

std::string apply_split(AxisStates& axes, const Word& word) {
  const std::string& name = word.names[0];
  if (std::string problem = no_such_axis(axes, name); !problem.empty()) return problem;
  AxisState& axis = axes[name];
  if (word.amount < 1) return fmt::format("split by {}", word.amount);
  if (word.amount > axis.extent) {
    return fmt::format("axis '{}' has {} turns, fewer than {}", name, axis.extent, word.amount);
  }
  axis.is_split = true;
  AxisState outer = axis, inner = axis;
  outer.is_split = inner.is_split = false;
  outer.extent = (axis.extent + word.amount - 1) / word.amount;
  inner.extent = word.amount;
  axes[name + ".o"] = outer;
  axes[name + ".i"] = inner;
  return "";
}

// Axes shared by all stages of a kernel with several stages must stay outside what belongs to one.
std::string check_order(const AxisStates& axes, const Word& word, const Kernel& kernel) {
  std::set<std::string> seen;
  bool inside_stage = false;
  for (const std::string& name : word.names) {
    if (std::string problem = no_such_axis(axes, name); !problem.empty()) return problem;
    if (!seen.insert(name).second) return "axis '" + name + "' is ordered twice";
    const AxisState& axis = axes.at(name);
    if (axis.stage >= 0) inside_stage = true;
    const bool shared_inside = axis.stage < 0 && inside_stage && kernel.stages.size() > 1;
    if (shared_inside) {
      return "axis '" + name + "' is shared by all stages and cannot go inside one of them";
    }
  }
  return "";
}

std::string check_axes(const AxisStates& axes, const Word& word) {
  for (const std::string& name : word.names) {
    if (std::string problem = no_such_axis(axes, name); !problem.empty()) return problem;
  }
  return "";
}

std::string check_parallel(const AxisStates& axes, const Word& word) {
  if (std::string problem = check_axes(axes, word); !problem.empty()) return problem;
  const bool reduced = axes.at(word.names[0]).is_reduced;
  return reduced ? "axis '" + word.names[0] + "' is reduced, not independent" : "";
}

// Partial sums in lanes are added in another order, which integers do not notice.
std::string check_lanes(const AxisStates& axes, const Word& word, const Kernel& kernel) {
  if (std::string problem = check_axes(axes, word); !problem.empty()) return problem;
  const AxisState& axis = axes.at(word.names[0]);
  if (!axis.is_reduced) return "";
  const auto& reduction = kernel.stages[static_cast<size_t>(axis.stage)].reduction;
  const bool exact = reduction && !is_float(reduction->dtype);
  return exact ? "" : "axis '" + word.names[0] + "' is reduced, and a sum of reals has an order";
}

std::string check_word(AxisStates& axes, const Word& word, const Kernel& kernel) {
  if (word.names.empty()) return "a word without a name";
  switch (word.kind) {
    case WordKind::split:
      return apply_split(axes, word);
    case WordKind::order:
      return check_order(axes, word, kernel);
    case WordKind::unroll:
    case WordKind::frep:
      return check_axes(axes, word);
    case WordKind::lanes:
      return check_lanes(axes, word, kernel);
    case WordKind::cores:
      return check_parallel(axes, word);
    case WordKind::stage:
      if (find_param(kernel, word.names[0]) == nullptr) {
        return "there is no value '" + word.names[0] + "'";
      }
      return word.at == "start" ? "" : no_such_axis(axes, word.at);
    case WordKind::stream:
      for (const std::string& name : word.names) {
        if (find_param(kernel, name) == nullptr) return "there is no value '" + name + "'";
      }
      return "";
    case WordKind::call:
      return "";
  }
  return "";
}

// The loops of one stage, outermost first, as the words leave them: names with .o and .i.
using LoopNames = std::vector<std::string>;

void follow_word(LoopNames& loops, const Word& word) {
  if (word.kind == WordKind::split) {
    const auto place = std::find(loops.begin(), loops.end(), word.names[0]);
    if (place == loops.end()) return;
    *place = word.names[0] + ".o";
    loops.insert(place + 1, word.names[0] + ".i");
  }
  if (word.kind == WordKind::order) {
    const auto rank = [&](const std::string& name) {
      return std::find(word.names.begin(), word.names.end(), name) - word.names.begin();
    };
    const auto named = [&](const std::string& name) {
      return rank(name) < static_cast<long>(word.names.size());
    };
    std::stable_sort(loops.begin(), loops.end(), [&](const std::string& a, const std::string& b) {
      if (!named(a) || !named(b)) return !named(a) && named(b);
      return rank(a) < rank(b);
    });
  }
}

// Blocks are walked from the outside: a.o before a.i, and the outer part of an independent axis
// around all reduced loops, since accumulators belong to one block.
std::string check_nesting(const LoopNames& loops, const AxisStates& axes) {
  bool inside_reduction = false;
  for (size_t i = 0; i < loops.size(); ++i) {
    const std::string& name = loops[i];
    const bool reduced = axes.at(name).is_reduced;
    if (name.ends_with(".i")) {
      const std::string outer = name.substr(0, name.size() - 1) + "o";
      const bool after = std::find(loops.begin(), loops.begin() + static_cast<long>(i), outer) ==
                         loops.begin() + static_cast<long>(i);
      if (after) return "'" + name + "' is outside '" + outer + "'";
    }
    if (name.ends_with(".o") && !reduced && inside_reduction) {
      return "'" + name + "' is inside a reduced loop; only '" + name.substr(0, name.size() - 1) +
             "i' may be";
    }
    inside_reduction |= reduced;
  }
  return "";
}

std::string check_nests(const Schedule& schedule, const Kernel& kernel, const AxisStates& axes) {
  const bool single = kernel.stages.size() == 1;
  LoopNames shared;
  for (const Axis& axis : kernel.axes) shared.push_back(axis.name);
  for (const Stage& stage : kernel.stages) {
    LoopNames loops = single ? shared : LoopNames{};
    for (const Axis& axis : stage.parallel) loops.push_back(axis.name);
    for (const Axis& axis : stage.reduce) loops.push_back(axis.name);
    for (const Word& word : schedule.words) follow_word(loops, word);
    if (std::string problem = check_nesting(loops, axes); !problem.empty()) return problem;
  }
  if (single) return "";
  for (const Word& word : schedule.words) {
    const bool splits_shared =
        word.kind == WordKind::split &&
        std::find(shared.begin(), shared.end(), word.names[0]) != shared.end();
    if (splits_shared) return "axis '" + word.names[0] + "' is shared by several stages";
  }
  return "";
}

constexpr auto kWordNames = std::to_array<std::string_view>(
    {"split", "order", "unroll", "lanes", "cores", "stage", "stream", "frep", "call"});

Word plain_word(WordKind kind, std::vector<std::string> names) {
  Word word;
  word.kind = kind;
  word.names = std::move(names);
  return word;
}

}  // namespace

Word split_word(std::string axis, int64_t amount) {
  Word word = plain_word(WordKind::split, {std::move(axis)});
  word.amount = amount;
  return word;
}
Word order_word(std::vector<std::string> axes) {
  return plain_word(WordKind::order, std::move(axes));
}
Word unroll_word(std::string axis) {
  return plain_word(WordKind::unroll, {std::move(axis)});
}
Word lanes_word(std::string axis) {
  return plain_word(WordKind::lanes, {std::move(axis)});
}

std::string to_text(const Word& word) {
  std::string text(kWordNames.at(static_cast<size_t>(word.kind)));
  const std::string_view separator = word.kind == WordKind::order ? ", " : " ";
  std::vector<std::string> names;
  for (const std::string& name : word.names) names.push_back(name_text(name));
  text += fmt::format(" {}", fmt::join(names, separator));
  if (word.kind == WordKind::split) text += fmt::format(" {}", word.amount);
  if (word.kind == WordKind::stage) {
    text += fmt::format(" at {} in {}{}", name_text(word.at), name_text(word.memory),
                        word.is_double ? " double" : "");
  }
  return text;
}

std::string why_illegal(const Schedule& schedule, const Kernel& kernel) {
  AxisStates axes = declared_axes(kernel);
  for (const Word& word : schedule.words) {
    const std::string problem = check_word(axes, word, kernel);
    if (!problem.empty()) return "'" + to_text(word) + "': " + problem;
  }
  return check_nests(schedule, kernel, axes);
}

}  // namespace mlfc

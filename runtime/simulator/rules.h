// The rules a program must keep. Whatever the hardware forbids, hangs on or silently gets wrong is
// reported here with hart, pc, instruction and the rule broken; what happens next depends on how
// bad it is and on how the simulator was started.
#pragma once

#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "instruction.h"

namespace snitch {

enum class Rule : uint8_t {
  illegal_instruction,
  missing_divider,
  missing_extension,
  misaligned_access,
  unmapped_access,
  unmapped_fetch,
  unhandled_trap,
  unboxed_operand,
  stream_stride,
  stream_alignment,
  stream_range,
  stream_count,
  stream_repeat,
  stream_race,
  stream_overrun,
  stream_underrun,
  stream_direction,
  stream_unsupported,
  frep_body,
  frep_length,
  frep_count,
  frep_nesting,
  dma_range,
  undrained_read,
  config_read,
  deadlock,
  cycle_limit
};

// The name used in messages, in tests and in the README.
const char* rule_name(Rule rule);

// How bad it is: `fatal` cannot go on, `trap` makes the hardware take a trap, `silent` is something
// the hardware gets wrong without a word, `caution` is legal but hardly ever meant.
enum class Severity : uint8_t { fatal, trap, silent, caution };

// Where it happened.
struct Place {
  int hart = -1;
  uint32_t pc = 0;
  const Instruction* instruction = nullptr;
};

// Ends the run; what() is the whole message.
class Violation : public std::runtime_error {
 public:
  Violation(Rule rule, const std::string& text) : std::runtime_error(text), rule_(rule) {}
  Rule rule() const { return rule_; }

 private:
  Rule rule_;
};

struct Strictness {
  bool as_hardware = false;  // let silent mistakes happen, with a warning each
  bool strict = false;       // make cautions errors
};

class Rules {
 public:
  explicit Rules(Strictness strictness = {}) : strictness_(strictness) {}

  // Throws Violation, or notes a warning and returns. `trap` returns only as hardware does.
  void report(Rule rule, Severity severity, const Place& place, const std::string& text);

  // One warning a rule and pc, in the order of their appearance.
  const std::vector<std::string>& warnings() const { return warnings_; }
  bool as_hardware() const { return strictness_.as_hardware; }

 private:
  Strictness strictness_;
  std::vector<std::string> warnings_;
  std::set<std::pair<Rule, uint32_t>> seen_;
};

// printf-style text for messages.
std::string format_text(const char* format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace snitch

// Decides whether a broken rule ends the run, and words the message.
#include "rules.h"

#include <array>
#include <cstdarg>
#include <cstdio>

namespace snitch {
namespace {

constexpr std::array<const char*, 27> names = {
    "illegal-instruction", "missing-divider",    "missing-extension", "misaligned-access",
    "unmapped-access",     "unmapped-fetch",     "unhandled-trap",    "unboxed-operand",
    "stream-stride",       "stream-alignment",   "stream-range",      "stream-count",
    "stream-repeat",       "stream-race",        "stream-overrun",    "stream-underrun",
    "stream-direction",    "stream-unsupported", "frep-body",         "frep-length",
    "frep-count",          "frep-nesting",       "dma-range",         "undrained-read",
    "config-read",         "deadlock",           "cycle-limit"};

std::string place_text(const Place& place) {
  if (place.hart < 0) return "";
  std::string text = format_text("hart %d, pc 0x%08x", place.hart, place.pc);
  if (place.instruction) text += ": " + disassemble(*place.instruction, place.pc);
  return text + "\n  ";
}

}  // namespace

const char* rule_name(Rule rule) {
  return names[static_cast<size_t>(rule)];
}

void Rules::report(Rule rule, Severity severity, const Place& place, const std::string& text) {
  const std::string message = place_text(place) + "rule " + rule_name(rule) + ": " + text;
  const bool tolerated = severity == Severity::caution
                             ? !strictness_.strict
                             : severity != Severity::fatal && strictness_.as_hardware;
  if (!tolerated) throw Violation(rule, message);
  if (seen_.emplace(rule, place.pc).second) warnings_.push_back(message);
}

std::string format_text(const char* format, ...) {
  std::array<char, 512> buffer{};
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer.data(), buffer.size(), format, arguments);
  va_end(arguments);
  return buffer.data();
}

}  // namespace snitch

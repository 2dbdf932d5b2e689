// Private lines are replaced in turn, one refill is under way at a time, and a hit asks for the
// line that is likely next: the target of the first backward branch or jump behind the present
// instruction, else the following line.
#include "icache.h"

#include <algorithm>

namespace snitch {

SharedCache::SharedCache(const Machine& machine)
    : machine_(machine),
      sets_(static_cast<uint32_t>(machine.l1_size / machine.l1_ways / machine.icache_line)),
      ways_(static_cast<size_t>(sets_) * machine.l1_ways),
      victim_(sets_) {}

uint64_t SharedCache::request(uint32_t line, uint64_t now) {
  const uint64_t at = std::max(now, port_free_);
  port_free_ = at + 1;
  const uint32_t set = line % sets_;
  Way* ways = &ways_[static_cast<size_t>(set) * machine_.l1_ways];
  const auto latency = static_cast<uint64_t>(machine_.l1_latency);
  for (int w = 0; w < machine_.l1_ways; w++)
    if (ways[w].line == line) return std::max(at + latency, ways[w].ready);
  Way& way = ways[victim_[set]];
  victim_[set] = static_cast<uint8_t>((victim_[set] + 1) % machine_.l1_ways);
  const uint64_t start = std::max(at, refill_free_);
  refill_free_ = start + 2;
  way = {line, start + latency + static_cast<uint64_t>(machine_.refill_latency)};
  return way.ready;
}

void SharedCache::flush() {
  std::fill(ways_.begin(), ways_.end(), Way{});
}

PrivateCache::PrivateCache(const Machine& machine, Memory& memory, SharedCache& shared,
                           Counters& counters)
    : memory_(memory),
      shared_(shared),
      counters_(counters),
      line_bits_(__builtin_ctz(static_cast<unsigned>(machine.icache_line))),
      lines_(static_cast<size_t>(machine.l0_lines)) {}

bool PrivateCache::has(uint32_t line) const {
  return std::any_of(lines_.begin(), lines_.end(),
                     [&](const Line& l) { return l.valid && l.line == line; });
}

void PrivateCache::refill(uint32_t line, uint64_t now) {
  // The line being executed is not thrown out for a prefetch.
  if (lines_[victim_].valid && lines_[victim_].line == current_)
    victim_ = (victim_ + 1) % static_cast<uint32_t>(lines_.size());
  lines_[victim_] = {line, false};
  pending_slot_ = victim_;
  victim_ = (victim_ + 1) % static_cast<uint32_t>(lines_.size());
  pending_ = true;
  pending_until_ = shared_.request(line, now);
}

void PrivateCache::prefetch(uint32_t pc, uint32_t line, uint64_t now) {
  const uint32_t end = (line + 1) << line_bits_;
  uint32_t target = line + 1;
  quiet_from_ = pc;
  quiet_to_ = end - 4;
  for (uint32_t at = pc; at < end; at += 4) {
    const Instruction* i = memory_.fetch(at);
    if (!i) break;
    if (i->op != Op::jal && !(i->unit == Unit::branch && i->imm < 0)) continue;
    target = (at + static_cast<uint32_t>(i->imm)) >> line_bits_;
    quiet_to_ = at;
    break;
  }
  if (!prefetching_ || has(target)) return;
  counters_.l0_prefetches++;
  refill(target, now + 1);
}

bool PrivateCache::look_up(uint32_t pc, uint32_t line, uint64_t now) {
  if (pending_ && now >= pending_until_) {
    pending_ = false;
    lines_[pending_slot_].valid = true;
  }
  if (has(line)) {
    const bool moved = line != current_ || pc < quiet_from_ || pc > quiet_to_;
    current_ = line;
    if (moved && !pending_) prefetch(pc, line, now);
    if (moved && pending_) quiet_from_ = 1, quiet_to_ = 0;
    return true;
  }
  if (!pending_) {
    counters_.l0_misses++;
    current_ = ~0u;
    refill(line, now);
  }
  return false;
}

void PrivateCache::set_prefetch(bool on) {
  prefetching_ = on;
  current_ = ~0u;  // the next fetch decides anew
}

void PrivateCache::flush() {
  for (Line& line : lines_) line.valid = false;
  pending_ = false;
  current_ = ~0u;
}

}  // namespace snitch

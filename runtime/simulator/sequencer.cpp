// Loop nests are kept as positions in an endless sequence of buffer entries, of which the ring
// holds the last few. An entry leaves the ring when no loop can come back to it.
#include "sequencer.h"

namespace snitch {

Sequencer::Sequencer(const Machine& machine, int hart, Rules& rules)
    : machine_(machine),
      hart_(hart),
      rules_(rules),
      depth_(static_cast<uint64_t>(machine.frep_depth)) {}

void Sequencer::push(const Offload& offload) {
  if (body_incomplete()) check_body(offload);
  buffer_[written_ % capacity] = offload;
  written_++;
}

void Sequencer::check_body(const Offload& offload) {
  const Instruction& i = *offload.instruction;
  const bool memory = i.unit == Unit::fp_load || i.unit == Unit::fp_store;
  if (memory || !i.has(writes_x | reads_x1)) return;
  rules_.report(
      Rule::frep_body, Severity::silent, {hart_, offload.pc, &i},
      "an FREP body may not touch integer registers; move the instruction out of the loop");
}

bool Sequencer::body_incomplete() const {
  return loop_count_ > 0 && written_ <= loops_[0].base + loops_[0].last;
}

void Sequencer::check(const Offload& frep, uint32_t length) {
  const Place place{hart_, frep.pc, frep.instruction};
  if (frep.instruction->word >> 31)
    rules_.report(Rule::stream_unsupported, Severity::fatal, place,
                  "bit 31 lets intersecting streams end the loop instead of the count, and those "
                  "are not modelled; keep the bit 0");
  if (length > depth_)
    rules_.report(
        Rule::frep_length, Severity::silent, place,
        format_text("a body of %u instructions does not fit the buffer of %u; the hardware "
                    "would repeat only part of it",
                    length, static_cast<unsigned>(depth_)));
  if (frep.a > 0xffff)
    rules_.report(Rule::frep_count, Severity::silent, place,
                  format_text("%u iterations do not fit 16 bits; the hardware would do %u",
                              frep.a + 1, (frep.a & 0xffff) + 1));
  if (loop_count_ > 0 && loop_count_ >= machine_.frep_levels)
    rules_.report(Rule::frep_nesting, Severity::fatal, place,
                  format_text("this machine nests %d FREP loop(s), this would be one more",
                              machine_.frep_levels));
}

bool Sequencer::start_loop(const Offload& frep) {
  const bool nested = loop_count_ > 0 && body_incomplete();
  if (loop_count_ > 0 && !nested) return false;
  const auto length = static_cast<uint32_t>(frep.instruction->imm) + 1;
  check(frep, length);
  Loop& loop = loops_[loop_count_];
  loop = {};
  loop.base = written_;
  loop.last = (length - 1) & static_cast<uint32_t>(depth_ - 1);
  loop.iterations = frep.a & 0xffff;
  loop.stagger_max = (frep.instruction->word >> 12) & 7;
  loop.stagger_mask = (frep.instruction->word >> 8) & 15;
  loop.inner = frep.instruction->op == Op::frep_inner;
  if (nested && loop.base + loop.last > loops_[0].base + loops_[0].last)
    rules_.report(Rule::frep_nesting, Severity::fatal, {hart_, frep.pc, frep.instruction},
                  "the inner loop's body ends behind the outer one's");
  loop_count_++;
  return true;
}

// Loops whose body begins with the next instruction become active, the outer one first.
void Sequencer::enter_loops() {
  while (active_ < loop_count_ && loops_[active_].base == next_) active_++;
}

uint32_t Sequencer::stagger() const {
  if (active_ == 0 || active_ != loop_count_) return 0;  // only the innermost loop staggers
  const Loop& loop = loops_[active_ - 1];
  return loop.stagger_mask ? loop.iteration % (loop.stagger_max + 1) : 0;
}

const Instruction& Sequencer::instruction() {
  enter_loops();
  const Instruction& plain = *front().instruction;
  const uint32_t by = stagger();
  if (by == 0) return plain;
  const uint32_t mask = loops_[active_ - 1].stagger_mask;
  staggered_ = plain;
  const auto shift = [by](uint8_t reg) { return static_cast<uint8_t>((reg + by) & 31); };
  if (mask & 1) staggered_.rd = shift(plain.rd);
  if (mask & 2) staggered_.rs1 = shift(plain.rs1);
  if (mask & 4) staggered_.rs2 = shift(plain.rs2);
  if (mask & 8) staggered_.rs3 = shift(plain.rs3);
  return staggered_;
}

bool Sequencer::repeated() const {
  for (int i = 0; i < active_; i++)
    if (loops_[i].iteration > 0) return true;
  return false;
}

void Sequencer::advance() {
  enter_loops();
  const uint64_t issued = next_++;
  while (active_ > 0) {
    Loop& loop = loops_[active_ - 1];
    if (loop.inner && loop.iteration < loop.iterations) {
      loop.iteration++;
      next_ = issued;
      return;
    }
    if (loop.inner) loop.iteration = 0;
    if (issued != loop.base + loop.last) return;
    if (!loop.inner && loop.iteration < loop.iterations) {
      loop.iteration++;
      next_ = loop.base;
      return;
    }
    loop.iteration = 0;
    active_--;
    if (active_ == 0) loop_count_ = 0;  // the whole nest is done
  }
  base_ = next_;
}

std::string Sequencer::state() const {
  if (loop_count_ == 0) return empty() ? "sequencer empty" : "sequencer has instructions";
  return format_text("FREP iteration %u of %u, %s", loops_[0].iteration + 1,
                     loops_[0].iterations + 1,
                     body_incomplete() ? "waiting for its body" : "body complete");
}

}  // namespace snitch

// Issue needs: operands not being written, streams with data, a destination nobody else is writing
// (write after write counts), and a unit that accepts. Results of pipelines of different lengths
// compete for the one write port; a loser holds its pipeline up.
#include "fp_subsystem.h"

#include "arbiter.h"
#include "trace.h"

namespace snitch {
namespace {

uint32_t bit(uint8_t reg) {
  return 1u << reg;
}

uint32_t read_mask(const Instruction& i) {
  return (i.has(reads_f1) ? bit(i.rs1) : 0) | (i.has(reads_f2) ? bit(i.rs2) : 0) |
         (i.has(reads_f3) ? bit(i.rs3) : 0) | (i.has(reads_fd) ? bit(i.rd) : 0);
}

constexpr uint32_t stream_registers = 7;

}  // namespace

int flops_of(const Instruction& i) {
  int each = 0;
  switch (i.op) {
    case Op::fadd:
    case Op::fsub:
    case Op::fmul:
    case Op::fdiv:
    case Op::fsqrt:
    case Op::fmin:
    case Op::fmax:
      each = 1;
      break;
    case Op::fmadd:
    case Op::fmsub:
    case Op::fnmsub:
    case Op::fnmadd:
    case Op::fmac:
    case Op::fmre:
      each = 2;
      break;
    case Op::vsum:
    case Op::vnsum:
    case Op::vsumex:
    case Op::vnsumex:
      return 64 / info(i.source).width;
    case Op::vdotpex:
    case Op::vndotpex:
      return 2 * 64 / info(i.source).width;
    default:
      return 0;
  }
  return i.has(vector) ? each * 64 / info(i.source).width : each;
}

FpSubsystem::FpSubsystem(const Machine& machine, Hart& hart, Streamer& streams, Rules& rules,
                         Counters& counters, Trace* trace)
    : machine_(machine),
      hart_(hart),
      streams_(streams),
      rules_(rules),
      counters_(counters),
      trace_(trace),
      sequencer_(machine, hart.id, rules) {
  pipelines_[static_cast<int>(Group::addmul)].depth = machine.latency_addmul;
  pipelines_[static_cast<int>(Group::noncomp)].depth = machine.latency_noncomp;
  pipelines_[static_cast<int>(Group::conv)].depth = machine.latency_conv;
  pipelines_[static_cast<int>(Group::dotp)].depth = machine.latency_dotp;
}

void FpSubsystem::begin_cycle() {
  sequencer_.begin_cycle();
  requests_.begin_cycle();
  seen_ = scoreboard_;
  wrote_ = false;
}

bool FpSubsystem::idle() const {
  return in_flight_ == 0 && scoreboard_ == 0 && sequencer_.idle() && outstanding_ == 0 &&
         requests_.empty();
}

// Delivers one result; false if its destination cannot take it this cycle.
bool FpSubsystem::retire(const Slot& slot, uint64_t now, Cut<IntResult>& to_core) {
  if (slot.to_core) {
    if (!to_core.can_push()) return false;
    to_core.push({slot.rd, static_cast<uint32_t>(slot.value)});
    return true;
  }
  wrote_ = true;
  if (slot.stream < 0) {
    scoreboard_ &= ~bit(slot.rd);
    return true;
  }
  Mover& mover = streams_[slot.stream];
  if (!mover.can_push()) {
    counters_.stall(FpStall::stream_write);
    return false;
  }
  mover.push(slot.value, now);
  return true;
}

void FpSubsystem::drain(uint64_t now, Cut<IntResult>& to_core) {
  uint32_t ready = 0;
  for (int g = 0; g < groups; g++) {
    const Pipeline& p = pipelines_[g];
    if (!p.used) continue;
    const Slot& last = p.slots[p.depth - 1];
    if (last.valid && (g != divider || last.done <= now)) ready |= 1u << g;
  }
  if (ready) {
    const int winner = tree_choice(ready, priority_, 3);
    Pipeline& p = pipelines_[winner];
    if (retire(p.slots[p.depth - 1], now, to_core)) {
      priority_ = next_priority(ready, priority_);
      p.slots[p.depth - 1].valid = false;
      p.used--;
      in_flight_--;
    }
  }
  for (Pipeline& p : pipelines_) {
    if (!p.used) continue;
    for (int s = p.depth - 1; s > 0; s--) {
      if (p.slots[s].valid || !p.slots[s - 1].valid) continue;
      p.slots[s] = p.slots[s - 1];
      p.slots[s - 1].valid = false;
    }
  }
}

bool FpSubsystem::operands_ready(const Offload& offload, const Instruction& i, uint64_t now) {
  const uint32_t reads = read_mask(i);
  const uint32_t writes = i.has(writes_f) ? bit(i.rd) : 0;
  const uint32_t streams = hart_.streams_on ? stream_registers : 0;
  if (seen_ & (reads | writes) & ~streams) {
    counters_.stall(FpStall::operand);
    return false;
  }
  for (uint32_t left = reads & streams; left; left &= left - 1) {
    const int stream = __builtin_ctz(left);
    const Mover& mover = streams_[stream];
    if (mover.is_write() && mover.has_job())
      rules_.report(Rule::stream_direction, Severity::fatal,
                    {hart_.id, offload.pc, offload.instruction},
                    format_text("ft%d is read while its stream writes", stream));
    if (mover.readable(now)) continue;
    counters_.stall(FpStall::stream_read);
    return false;
  }
  return true;
}

bool FpSubsystem::accepts(const Instruction& i, uint64_t) {
  if (i.unit == Unit::fp_load || i.unit == Unit::fp_store) {
    if (requests_.can_push() && outstanding_ < machine_.fp_outstanding) return true;
    counters_.stall(FpStall::memory);
    return false;
  }
  const Pipeline& p = pipelines_[static_cast<int>(i.group)];
  if (!p.slots[0].valid) return true;
  counters_.stall(FpStall::unit);
  return false;
}

uint64_t FpSubsystem::read(uint8_t reg, uint32_t& popped) const {
  if (!hart_.streams_on || reg >= Streamer::count) return hart_.f[reg];
  popped |= bit(reg);
  return streams_[reg].front();
}

void FpSubsystem::check_result_stream(const Instruction& i, const Offload& offload) {
  Mover& mover = streams_[i.rd];
  mover.spend();
  if (mover.is_write() || !mover.has_job()) return;
  rules_.report(Rule::stream_direction, Severity::fatal,
                {hart_.id, offload.pc, offload.instruction},
                format_text("ft%d is written while its stream reads", i.rd));
}

uint64_t FpSubsystem::divide_latency(Format format) const {
  if (format == Format::f64) return static_cast<uint64_t>(machine_.latency_div_f64);
  if (format == Format::f32) return static_cast<uint64_t>(machine_.latency_div_f32);
  return static_cast<uint64_t>(machine_.latency_div_f16);
}

void FpSubsystem::issue_arithmetic(const Offload& offload, const Instruction& i, uint64_t now) {
  uint32_t popped = 0;
  FpOperands operands;
  operands.a = i.has(reads_f1) ? read(i.rs1, popped) : offload.a;
  if (i.has(reads_f2)) operands.b = read(i.rs2, popped);
  if (i.has(reads_f3)) operands.c = read(i.rs3, popped);
  if (i.has(reads_fd)) operands.c = read(i.rd, popped);
  for (; popped; popped &= popped - 1) streams_[__builtin_ctz(popped)].pop();
  bool unboxed = false;
  const uint64_t value = execute_fpu(i, operands, hart_.fp, unboxed);
  if (trace_) {
    traced_ = operands;
    traced_result_ = value;
  }
  if (unboxed)
    rules_.report(Rule::unboxed_operand, Severity::caution,
                  {hart_.id, offload.pc, offload.instruction},
                  "a scalar operand is no boxed value and reads as NaN; use packed instructions");
  Pipeline& p = pipelines_[static_cast<int>(i.group)];
  Slot& slot = p.slots[0];
  slot = {true, i.has(writes_x), -1, i.rd, value, now + divide_latency(i.result)};
  p.used++;
  in_flight_++;
  counters_.fpu_issued++;
  counters_.flops += static_cast<uint64_t>(flops_of(i));
  if (i.has(writes_x)) return;
  if (hart_.streams_on && i.rd < Streamer::count) {
    check_result_stream(i, offload);
    slot.stream = static_cast<int8_t>(i.rd);
    return;
  }
  // Nobody may look at the register before the scoreboard clears, so it can be written now.
  hart_.f[i.rd] = value;
  scoreboard_ |= bit(i.rd);
}

void FpSubsystem::issue_memory(const Offload& offload, const Instruction& i, bool repeated,
                               uint64_t) {
  MemoryRequest request;
  request.instruction = offload.instruction;
  request.pc = offload.pc;
  request.address = offload.address;
  request.rd = i.rd;
  request.fp = true;
  request.repeated = repeated;
  request.write = i.unit == Unit::fp_store;
  if (request.write) {
    uint32_t popped = 0;
    request.data = read(i.rs2, popped);
    traced_.b = request.data;
    for (; popped; popped &= popped - 1) streams_[__builtin_ctz(popped)].pop();
  } else {
    scoreboard_ |= bit(i.rd);
    for (int s = 0; s < Streamer::count; s++) request.produced[s] = streams_[s].produced();
  }
  outstanding_++;
  requests_.push(request);
}

void FpSubsystem::switch_streams(const Offload& offload, const Instruction& i) {
  if (!(i.rs1 & 1)) return;
  const bool on = i.op == Op::csrrsi;
  if (!on && hart_.streams_on)
    streams_.check_region_end(rules_, {hart_.id, offload.pc, offload.instruction});
  hart_.streams_on = on;
  regions_ += on;
  if (on) scoreboard_ &= ~stream_registers;
}

bool FpSubsystem::try_issue(const Offload& offload, const Instruction& i, bool repeated,
                            uint64_t now) {
  if (i.unit == Unit::stream_csr) {
    switch_streams(offload, i);
  } else {
    if (!operands_ready(offload, i, now) || !accepts(i, now)) return false;
    if (i.unit == Unit::fpu)
      issue_arithmetic(offload, i, now);
    else
      issue_memory(offload, i, repeated, now);
  }
  counters_.fp_issued++;
  if (trace_) trace_->fp_issue(now, hart_, offload, i, repeated, traced_, traced_result_);
  return true;
}

void FpSubsystem::step(uint64_t now, Cut<Offload>& input, Cut<IntResult>& to_core) {
  if (in_flight_) drain(now, to_core);
  const bool waiting = input.can_pop() && input.front().instruction->offloaded_to_fp();
  bool taken = false;
  if (sequencer_.readable()) {
    const Instruction& i = sequencer_.instruction();
    if (try_issue(sequencer_.front(), i, sequencer_.repeated(), now)) sequencer_.advance();
  } else if (waiting && input.front().instruction->has(direct)) {
    const Offload& offload = input.front();
    if (sequencer_.body_incomplete())
      rules_.report(Rule::frep_body, Severity::silent, {hart_.id, offload.pc, offload.instruction},
                    "this instruction cannot be repeated by FREP; move it out of the loop");
    taken = try_issue(offload, *offload.instruction, false, now);
  }
  if (waiting && !taken && !input.front().instruction->has(direct)) {
    const Offload& offload = input.front();
    if (offload.instruction->unit == Unit::frep) {
      taken = sequencer_.start_loop(offload);
    } else if (sequencer_.can_push()) {
      sequencer_.push(offload);
      taken = true;
    }
  }
  if (taken) input.pop();
}

void FpSubsystem::finish_load(uint8_t rd, uint64_t value) {
  hart_.f[rd] = value;
  scoreboard_ &= ~bit(rd);
  wrote_ = true;
}

bool FpSubsystem::starved(int& stream) const {
  if (!hart_.streams_on || sequencer_.empty()) return false;
  const Instruction& i = *sequencer_.front().instruction;
  for (uint32_t left = read_mask(i) & stream_registers; left; left &= left - 1) {
    stream = __builtin_ctz(left);
    if (streams_[stream].quiet()) return true;
  }
  return false;
}

std::string FpSubsystem::state() const {
  std::string text = sequencer_.state();
  if (!sequencer_.empty())
    text += format_text(", next at 0x%08x: ", sequencer_.front().pc) +
            disassemble(*sequencer_.front().instruction, sequencer_.front().pc);
  for (int i = 0; hart_.streams_on && i < Streamer::count; i++) text += ", " + streams_[i].state();
  return text;
}

}  // namespace snitch

// The integer core: at most one instruction a cycle, in order, stalled by a scoreboard of registers
// other units still owe. Results of loads and of other units come in through the one write port
// when no instruction of the cycle needs it.
#include "core.h"

#include "trace.h"

namespace snitch {
namespace {

Hart make_hart(const Machine& machine, int id) {
  Hart hart;
  hart.id = id;
  hart.is_dm = machine.is_dm(id);
  return hart;
}

}  // namespace

Core::Core(const Machine& machine, int id, Memory& memory, SharedCache& shared, Rules& rules,
           StoreWatch& watch, Trace* trace)
    : machine_(machine),
      memory_map_(memory),
      rules_(rules),
      watch_(watch),
      trace_(trace),
      hart_(make_hart(machine, id)),
      streams_(machine, id, rules, memory),
      fp_(machine, hart_, streams_, rules, counters_, trace),
      shared_(shared),
      icache_(machine, memory, shared, counters_) {}

void Core::begin_cycle() {
  offload_.begin_cycle();
  results_.begin_cycle();
  memory_.begin_cycle();
  loads_.begin_cycle();
  fp_.begin_cycle();
  for (int m = 0; m < Streamer::count; m++) streams_[m].begin_cycle();
  seen_ = scoreboard_;
}

const Offload* Core::offloaded(Unit unit) const {
  return offload_.can_pop() && offload_.front().instruction->unit == unit ? &offload_.front()
                                                                          : nullptr;
}

void Core::count_idle_cycle() {
  counters_.stall(at_barrier_ ? CoreStall::barrier : CoreStall::sleep);
}

void Core::step(uint64_t now) {
  fp_.step(now, offload_, results_);
  take_responses(now);
  serve_stream_config(now);
  if (in_region_) end_region();
  const bool port_taken = issue(now);
  write_back(port_taken);
  settled_ = (at_barrier_ || asleep_) && offload_.empty() && results_.empty() && memory_.empty() &&
             loads_.empty() && responses_.empty() && !config_read_pending_ && fp_.idle() &&
             streams_.quiet();
}

// The order of the write port: the instruction of this cycle, loads, results of other units.
void Core::write_back(bool port_taken) {
  if (loads_.can_pop()) {
    const Response& response = loads_.front();
    const bool needs_port = !response.write;
    if (!needs_port || !port_taken) {
      if (needs_port) {
        const Instruction& i = *response.instruction;
        hart_.set(response.rd, extend_load(i.op, response.data));
        scoreboard_ &= ~(1u << response.rd);
        counters_.retired_load++;
        outstanding_loads_--;
        port_taken = true;
      }
      outstanding_--;
      loads_.pop();
    }
  }
  if (port_taken || !results_.can_pop()) return;
  hart_.set(results_.front().rd, results_.front().value);
  scoreboard_ &= ~(1u << results_.front().rd);
  counters_.retired_offload++;
  results_.pop();
}

// Stream configuration is not ordered against the FP instructions around it.
void Core::serve_stream_config(uint64_t now) {
  if (config_read_pending_ && results_.can_push()) {
    results_.push(config_result_);
    config_read_pending_ = false;
  }
  const Offload* offload = offloaded(Unit::stream_config);
  if (!offload) return;
  const Instruction& i = *offload->instruction;
  const bool immediate = i.op == Op::scfgwi || i.op == Op::scfgri;
  const uint32_t address = immediate ? static_cast<uint32_t>(i.imm) : offload->b;
  const uint32_t target = address & 31;
  const uint32_t word = (address >> 5) & 31;
  const Place place{hart_.id, offload->pc, &i};
  if (target > 2 && target != 31)
    rules_.report(Rule::stream_unsupported, Severity::silent, place,
                  format_text("there is no data mover %u", target));
  if (i.has(writes_x)) {
    if (config_read_pending_) return;
    config_result_ = {i.rd, streams_.config_read(target, word, now)};
    config_read_pending_ = true;
  } else {
    if (!streams_.config_writable(target, now)) return;
    streams_.config_write(target, word, offload->a, now, place);
    if (in_region_) watch_.refresh();
  }
  offload_.pop();
}

// A region lasts from the core's switching streams on until the FP subsystem has switched them off
// and nothing is left to store.
void Core::end_region() {
  if (regions_ != fp_.regions() || hart_.streams_on || fp_.computing()) return;
  for (int m = 0; m < Streamer::count; m++)
    if (streams_[m].holds_results()) return;
  in_region_ = false;
  watch_.end_region(hart_.id);
}

// Returns whether the instruction of this cycle uses the register file's write port.
bool Core::issue(uint64_t now) {
  if (at_barrier_) {
    counters_.stall(CoreStall::barrier);
    return false;
  }
  if (asleep_) {
    counters_.stall(CoreStall::sleep);
    if (hart_.pending()) asleep_ = false;
    return false;
  }
  if (hart_.interrupts_enabled && hart_.pending()) {
    const bool software = hart_.pending() & 8;
    take_trap(hart_, 0x80000000u | (software ? 3 : 19), nullptr, rules_);
    return false;
  }
  if (!icache_.fetch(hart_.pc, now)) {
    counters_.stall(CoreStall::fetch);
    return false;
  }
  if (fetched_pc_ != hart_.pc) {
    fetched_ = (hart_.pc & 3) ? nullptr : memory_map_.fetch(hart_.pc);
    fetched_pc_ = hart_.pc;
    if (!fetched_)
      rules_.report(Rule::unmapped_fetch, Severity::fatal, {hart_.id, hart_.pc, nullptr},
                    "there is no instruction at this address");
  }
  const Instruction& i = *fetched_;
  if (seen_ & i.x_use) {
    counters_.stall(CoreStall::operand);
    return false;
  }
  return execute(i, now);
}

void Core::finish(const Instruction& i, uint32_t next_pc, uint64_t now) {
  if (trace_ && !i.offloaded_to_fp())
    trace_->core_issue(now, hart_, hart_.pc, i, hart_.x[i.rs1], hart_.x[i.rs2]);
  hart_.pc = next_pc;
  hart_.retired++;
  counters_.retired++;
}

bool Core::execute(const Instruction& i, uint64_t now) {
  if (i.feature != Feature::base || i.op == Op::illegal) {
    if (!is_legal(machine_, hart_.is_dm, i)) {
      report_illegal(hart_, machine_, i, rules_);
      take_trap(hart_, 2, &i, rules_);
      return false;
    }
  }
  const uint32_t a = hart_.x[i.rs1];
  const uint32_t b = hart_.x[i.rs2];
  const uint32_t next = hart_.pc + 4;
  switch (i.unit) {
    case Unit::alu: {
      const uint32_t value = execute_alu(i, a, b, hart_.pc);
      finish(i, next, now);
      hart_.set(i.rd, value);
      counters_.retired_alu++;
      return i.rd != 0;
    }
    case Unit::branch:
      finish(i, branch_taken(i.op, a, b) ? hart_.pc + static_cast<uint32_t>(i.imm) : next, now);
      return false;
    case Unit::jump: {
      const uint32_t target = i.op == Op::jal ? hart_.pc + static_cast<uint32_t>(i.imm)
                                              : (a + static_cast<uint32_t>(i.imm)) & ~1u;
      finish(i, target, now);
      hart_.set(i.rd, next);
      return i.rd != 0;
    }
    case Unit::load:
    case Unit::store:
    case Unit::amo:
      if (issue_memory(i)) finish(i, next, now);
      return false;
    case Unit::csr:
      return issue_csr(i, now);
    case Unit::system:
      return issue_system(i);
    case Unit::fence:
      if (issue_fence(i)) finish(i, next, now);
      return false;
    default:
      if (issue_offload(i, now)) finish(i, next, now);
      return false;
  }
}

bool Core::misaligned(const Instruction& i, uint32_t address) {
  const int size = access_size(i);
  if ((address & static_cast<uint32_t>(size - 1)) == 0) return false;
  rules_.report(Rule::misaligned_access, Severity::trap, {hart_.id, hart_.pc, &i},
                format_text("0x%08x is no multiple of %d", address, size));
  const bool store = i.unit == Unit::store || i.unit == Unit::fp_store || i.unit == Unit::amo;
  take_trap(hart_, store ? 6 : 4, &i, rules_);
  return true;
}

// True if the access is on its way (the caller moves on); false if it has to wait or trapped.
bool Core::issue_memory(const Instruction& i) {
  const uint32_t address =
      hart_.x[i.rs1] + (i.unit == Unit::amo ? 0 : static_cast<uint32_t>(i.imm));
  if (misaligned(i, address)) return false;
  const bool load = i.has(writes_x);
  const bool full = outstanding_ >= machine_.int_outstanding_memory ||
                    (load && outstanding_loads_ >= machine_.int_outstanding_loads);
  if (full || !memory_.can_push()) {
    counters_.stall(CoreStall::memory);
    return false;
  }
  const auto tag = static_cast<uint16_t>(address >> 3);
  const bool alters = i.unit != Unit::load;
  for (size_t n = 0; n < consistency_.size(); n++) {
    if (consistency_[n].tag != tag || !(alters || consistency_[n].write)) continue;
    counters_.stall(CoreStall::consistency);
    return false;
  }
  MemoryRequest request;
  request.instruction = &i;
  request.pc = hart_.pc;
  request.address = address;
  request.data = hart_.x[i.rs2];
  request.rd = i.rd;
  request.write = i.unit == Unit::store;
  memory_.push(request);
  outstanding_++;
  if (load) {
    outstanding_loads_++;
    scoreboard_ |= (1u << i.rd) & ~1u;
  }
  return true;
}

bool Core::issue_offload(const Instruction& i, uint64_t now) {
  const bool memory = i.unit == Unit::fp_load || i.unit == Unit::fp_store;
  const uint32_t address = memory ? hart_.x[i.rs1] + static_cast<uint32_t>(i.imm) : 0;
  if (memory && misaligned(i, address)) return false;
  if (i.op == Op::scfgri && !machine_.scfgri) {
    rules_.report(Rule::config_read, Severity::silent, {hart_.id, hart_.pc, &i},
                  "scfgri does not work on this machine and leaves its register alone; use scfgr");
    return true;
  }
  if (!offload_.can_push()) {
    counters_.stall(CoreStall::offload);
    return false;
  }
  if (memory && consistency_.size() >= static_cast<size_t>(machine_.caq_depth)) {
    counters_.stall(CoreStall::consistency);
    return false;
  }
  offload_.push({&i, hart_.pc, hart_.x[i.rs1], hart_.x[i.rs2], address, now});
  if (memory) consistency_.push({static_cast<uint16_t>(address >> 3), i.unit == Unit::fp_store});
  if (i.has(writes_x)) scoreboard_ |= (1u << i.rd) & ~1u;
  if (i.offloaded_to_fp()) counters_.core_to_fpu++;
  if (i.op == Op::csrrsi && (i.rs1 & 1)) {
    regions_++;
    in_region_ = true;
    watch_.begin_region(hart_.id);
  }
  return true;
}

bool Core::issue_csr(const Instruction& i, uint64_t now) {
  if (i.imm == static_cast<int32_t>(csr::streams)) {
    rules_.report(Rule::illegal_instruction, Severity::trap, {hart_.id, hart_.pc, &i},
                  "streams are switched by csrsi and csrci only");
    take_trap(hart_, 2, &i, rules_);
    return false;
  }
  const uint32_t operand = i.has(reads_x1) ? hart_.x[i.rs1] : i.rs1;
  const uint32_t value = access_csr(hart_, i, operand, now, rules_);
  if (i.imm == static_cast<int32_t>(csr::barrier)) at_barrier_ = true;
  finish(i, hart_.pc + 4, now);
  hart_.set(i.rd, value);
  return i.rd != 0;
}

bool Core::issue_system(const Instruction& i) {
  if (i.op == Op::ecall || i.op == Op::ebreak) {
    take_trap(hart_, i.op == Op::ecall ? 11 : 3, &i, rules_);
    return false;
  }
  if (i.op == Op::mret) {
    hart_.pc = hart_.mepc;
    hart_.interrupts_enabled = hart_.previous_enabled;
    hart_.previous_enabled = true;
  } else {
    asleep_ = true;
    hart_.pc += 4;
  }
  hart_.retired++;
  counters_.retired++;
  return false;
}

bool Core::issue_fence(const Instruction& i) {
  if (i.op == Op::fence_i) {
    icache_.flush();
    shared_.flush();
    fetched_pc_ = 1;
    return true;
  }
  if (outstanding_ == 0 && consistency_.empty()) return true;
  counters_.stall(CoreStall::fence);
  return false;
}

std::string Core::state(uint64_t) const {
  std::string text = format_text("hart %d at 0x%08x: ", hart_.id, hart_.pc);
  if (at_barrier_) {
    text += "waits at the barrier";
  } else if (asleep_) {
    text += "sleeps (wfi) without a pending interrupt";
  } else if (fetched_ && fetched_pc_ == hart_.pc) {
    text += "waits to issue " + disassemble(*fetched_, hart_.pc);
    if (seen_ & fetched_->x_use) text += " (an operand is still owed)";
  } else {
    text += "waits for instructions";
  }
  if (!fp_.idle()) text += "; FP: " + fp_.state();
  return text;
}

}  // namespace snitch

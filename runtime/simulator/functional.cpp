// Running without time: every hart executes a few instructions in turn, and everything an
// instruction starts (streams, FREP, DMA) is finished before the next one. Results are those of the
// timed run for every program that does not depend on races.
#include "cluster.h"

namespace snitch {

class FunctionalRun {
 public:
  explicit FunctionalRun(Cluster& cluster);
  void run();

 private:
  struct Lane {
    Hart* hart = nullptr;
    Counters* counters = nullptr;
    std::unique_ptr<Streamer> streams;
    std::unique_ptr<Sequencer> sequencer;
    const Instruction* page = nullptr;
    bool at_barrier = false;
    bool asleep = false;
    FpOperands values;  // of the last FP instruction, for the trace
    uint64_t result = 0;
  };

  bool step(Lane& lane);
  bool execute(Lane& lane, const Instruction& i);
  void memory_access(Lane& lane, const Instruction& i);
  bool misaligned(Lane& lane, const Instruction& i, uint32_t address);
  bool offload(Lane& lane, const Instruction& i);
  void drain(Lane& lane);
  void issue_fp(Lane& lane, const Offload& offload, const Instruction& i);
  void perform_fp(Lane& lane, const Offload& offload, const Instruction& i);
  void fp_memory(Lane& lane, const Offload& offload, const Instruction& i);
  void arithmetic(Lane& lane, const Offload& offload, const Instruction& i);
  bool stream_config(Lane& lane, const Offload& offload);
  uint64_t read(Lane& lane, const Offload& offload, uint8_t reg, uint64_t (&popped)[3],
                uint32_t& done);
  bool control(Lane& lane, const Instruction& i);
  void stuck();

  Cluster& cluster_;
  Machine machine_;
  Memory& memory_;
  Rules& rules_;
  StoreWatch& watch_;
  std::vector<Lane> lanes_;
};

FunctionalRun::FunctionalRun(Cluster& cluster)
    : cluster_(cluster),
      machine_(cluster.machine_),
      memory_(cluster.memory_),
      rules_(cluster.rules_),
      watch_(cluster.watch_) {
  for (Core& core : cluster.cores_) {
    Lane lane;
    lane.hart = &core.hart();
    lane.counters = &core.counters();
    lane.streams = std::make_unique<Streamer>(machine_, core.hart().id, rules_, memory_);
    lane.sequencer = std::make_unique<Sequencer>(machine_, core.hart().id, rules_);
    watch_.add(*lane.streams);
    lanes_.push_back(std::move(lane));
  }
}

void FunctionalRun::run() {
  constexpr int slice = 64;  // instructions of a hart before the next one's turn
  uint64_t executed = 0;
  while (!cluster_.exiting_) {
    bool progress = false;
    bool all_arrived = true;
    for (Lane& lane : lanes_) {
      for (int n = 0; n < slice && !cluster_.exiting_ && step(lane); n++) {
        progress = true;
        executed++;
      }
      all_arrived = all_arrived && lane.at_barrier;
      cluster_.now_ += slice;
    }
    if (all_arrived) {
      for (Lane& lane : lanes_) lane.at_barrier = false;
      progress = true;
    }
    if (!progress && !cluster_.exiting_) stuck();
    if (executed >= cluster_.options_.cycle_limit)
      rules_.report(
          Rule::cycle_limit, Severity::fatal, {},
          format_text("the program still runs after %llu instructions; raise --cycles if it "
                      "should",
                      static_cast<unsigned long long>(executed)));
  }
}

void FunctionalRun::stuck() {
  std::string text = "all harts are blocked:";
  for (const Lane& lane : lanes_)
    text += format_text("\n  hart %d at 0x%08x: %s", lane.hart->id, lane.hart->pc,
                        lane.at_barrier ? "waits at the barrier"
                        : lane.asleep   ? "sleeps (wfi) without a pending interrupt"
                                        : "waits for a stream's queue to empty");
  rules_.report(Rule::deadlock, Severity::fatal, {}, text);
}

// One instruction; false if the hart has to wait.
bool FunctionalRun::step(Lane& lane) {
  Hart& hart = *lane.hart;
  if (lane.at_barrier) return false;
  if (lane.asleep) {
    if (!hart.pending()) return false;
    lane.asleep = false;
  }
  if (hart.interrupts_enabled && hart.pending())
    take_trap(hart, 0x80000000u | (hart.pending() & 8 ? 3 : 19), nullptr, rules_);
  const Instruction* i = (hart.pc & 3) ? nullptr : memory_.fetch(hart.pc);
  if (!i)
    rules_.report(Rule::unmapped_fetch, Severity::fatal, {hart.id, hart.pc, nullptr},
                  "there is no instruction at this address");
  if ((i->feature != Feature::base || i->op == Op::illegal) &&
      !is_legal(machine_, hart.is_dm, *i)) {
    report_illegal(hart, machine_, *i, rules_);
    take_trap(hart, 2, i, rules_);
    return true;
  }
  Trace* trace = cluster_.trace_.get();
  const uint32_t pc = hart.pc, a = hart.x[i->rs1], b = hart.x[i->rs2];
  if (!execute(lane, *i)) return false;
  if (trace && !i->offloaded_to_fp()) trace->core_issue(hart.retired, hart, pc, *i, a, b);
  hart.retired++;
  lane.counters->retired++;
  return true;
}

bool FunctionalRun::execute(Lane& lane, const Instruction& i) {
  Hart& hart = *lane.hart;
  const uint32_t a = hart.x[i.rs1];
  const uint32_t b = hart.x[i.rs2];
  switch (i.unit) {
    case Unit::alu:
      hart.set(i.rd, execute_alu(i, a, b, hart.pc));
      break;
    case Unit::muldiv:
      hart.set(i.rd, execute_muldiv(i.op, a, b));
      break;
    case Unit::branch:
      hart.pc += branch_taken(i.op, a, b) ? static_cast<uint32_t>(i.imm) : 4;
      return true;
    case Unit::jump: {
      const uint32_t link = hart.pc + 4;
      hart.pc = i.op == Op::jal ? hart.pc + static_cast<uint32_t>(i.imm)
                                : (a + static_cast<uint32_t>(i.imm)) & ~1u;
      hart.set(i.rd, link);
      return true;
    }
    case Unit::load:
    case Unit::store:
    case Unit::amo:
      memory_access(lane, i);
      return true;
    case Unit::csr:
    case Unit::system:
    case Unit::fence:
      return control(lane, i);
    default:
      return offload(lane, i);
  }
  hart.pc += 4;
  return true;
}

bool FunctionalRun::misaligned(Lane& lane, const Instruction& i, uint32_t address) {
  const int size = access_size(i);
  if ((address & static_cast<uint32_t>(size - 1)) == 0) return false;
  rules_.report(Rule::misaligned_access, Severity::trap, {lane.hart->id, lane.hart->pc, &i},
                format_text("0x%08x is no multiple of %d", address, size));
  const bool store = i.unit == Unit::store || i.unit == Unit::fp_store || i.unit == Unit::amo;
  take_trap(*lane.hart, store ? 6 : 4, &i, rules_);
  return true;
}

void FunctionalRun::memory_access(Lane& lane, const Instruction& i) {
  Hart& hart = *lane.hart;
  const uint32_t address = hart.x[i.rs1] + (i.unit == Unit::amo ? 0 : static_cast<uint32_t>(i.imm));
  if (misaligned(lane, i, address)) return;
  bool mapped = true;
  if (i.unit != Unit::store)
    watch_.check(address, static_cast<uint32_t>(access_size(i)), {hart.id, hart.pc, &i});
  if (i.unit == Unit::amo) {
    uint32_t old = 0;
    mapped = memory_.atomic(i.op, address, hart.x[i.rs2], hart.id, old);
    hart.set(i.rd, old);
  } else if (i.unit == Unit::store) {
    mapped = memory_.write(address, access_size(i), hart.x[i.rs2]);
  } else {
    uint64_t value = 0;
    mapped = memory_.read(address, access_size(i), value);
    hart.set(i.rd, extend_load(i.op, value));
    lane.counters->retired_load++;
  }
  if (!mapped)
    rules_.report(Rule::unmapped_access, Severity::silent, {hart.id, hart.pc, &i},
                  format_text("nothing answers at 0x%08x", address));
  hart.pc += 4;
}

bool FunctionalRun::control(Lane& lane, const Instruction& i) {
  Hart& hart = *lane.hart;
  if (i.unit == Unit::csr) {
    if (i.imm == static_cast<int32_t>(csr::streams)) {
      rules_.report(Rule::illegal_instruction, Severity::trap, {hart.id, hart.pc, &i},
                    "streams are switched by csrsi and csrci only");
      take_trap(hart, 2, &i, rules_);
      return true;
    }
    const uint32_t operand = i.has(reads_x1) ? hart.x[i.rs1] : i.rs1;
    // Without time a hart's instructions are the best clock it has.
    hart.set(i.rd, access_csr(hart, i, operand, hart.retired, rules_));
    lane.at_barrier = i.imm == static_cast<int32_t>(csr::barrier);
  } else if (i.op == Op::ecall || i.op == Op::ebreak) {
    take_trap(hart, i.op == Op::ecall ? 11 : 3, &i, rules_);
    return true;
  } else if (i.op == Op::mret) {
    hart.pc = hart.mepc;
    hart.interrupts_enabled = hart.previous_enabled;
    hart.previous_enabled = true;
    return true;
  } else if (i.op == Op::wfi) {
    lane.asleep = true;
  }
  hart.pc += 4;
  return true;
}

bool FunctionalRun::offload(Lane& lane, const Instruction& i) {
  Hart& hart = *lane.hart;
  const bool memory = i.unit == Unit::fp_load || i.unit == Unit::fp_store;
  const uint32_t address = memory ? hart.x[i.rs1] + static_cast<uint32_t>(i.imm) : 0;
  if (memory && misaligned(lane, i, address)) return true;
  const Offload item{&i, hart.pc, hart.x[i.rs1], hart.x[i.rs2], address, hart.retired};
  if (i.unit == Unit::dma) {
    uint32_t value = 0;
    cluster_.dma_.execute(item, cluster_.now_, value);
    cluster_.dma_.run_all(cluster_.counters_);
    const bool asks_busy =
        (i.op == Op::dmstati && i.rs2 == 2) || (i.op == Op::dmstat && item.b == 2);
    if (i.has(writes_x)) hart.set(i.rd, asks_busy ? 0 : value);
  } else if (i.unit == Unit::stream_config) {
    if (!stream_config(lane, item)) return false;
  } else {
    lane.counters->core_to_fpu++;
    if (i.unit == Unit::frep) {
      if (!lane.sequencer->start_loop(item)) return false;
    } else if (i.has(direct)) {
      if (lane.sequencer->body_incomplete())
        rules_.report(Rule::frep_body, Severity::silent, {hart.id, hart.pc, &i},
                      "this instruction cannot be repeated by FREP; move it out of the loop");
      issue_fp(lane, item, i);
    } else if (lane.sequencer->in_loop()) {
      lane.sequencer->push(item);
      drain(lane);
    } else {
      issue_fp(lane, item, i);
    }
  }
  hart.pc += 4;
  return true;
}

void FunctionalRun::drain(Lane& lane) {
  Sequencer& sequencer = *lane.sequencer;
  sequencer.begin_cycle();
  while (sequencer.readable()) {
    const Instruction& i = sequencer.instruction();
    issue_fp(lane, sequencer.front(), i);
    sequencer.advance();
  }
}

bool FunctionalRun::stream_config(Lane& lane, const Offload& offload) {
  const Instruction& i = *offload.instruction;
  const Place place{lane.hart->id, offload.pc, &i};
  if (i.op == Op::scfgri && !machine_.scfgri) {
    rules_.report(Rule::config_read, Severity::silent, place,
                  "scfgri does not work on this machine and leaves its register alone; use scfgr");
    return true;
  }
  const bool immediate = i.op == Op::scfgwi || i.op == Op::scfgri;
  const uint32_t address = immediate ? static_cast<uint32_t>(i.imm) : offload.b;
  const uint32_t target = address & 31;
  const uint32_t word = (address >> 5) & 31;
  if (target > 2 && target != 31)
    rules_.report(Rule::stream_unsupported, Severity::silent, place,
                  format_text("there is no data mover %u", target));
  constexpr uint64_t later = ~uint64_t{0} / 2;  // any time after the job was queued
  if (i.has(writes_x)) {
    watch_.settle(lane.hart->id);
    lane.hart->set(i.rd, lane.streams->config_read(target, word, later));
    return true;
  }
  if (!lane.streams->config_writable(target, later)) return false;
  lane.streams->config_write(target, word, offload.a, 0, place);
  watch_.refresh();
  return true;
}

void FunctionalRun::issue_fp(Lane& lane, const Offload& offload, const Instruction& i) {
  perform_fp(lane, offload, i);
  lane.counters->fp_issued++;
  if (!cluster_.trace_) return;
  const bool repeated = lane.sequencer->repeated();
  cluster_.trace_->fp_issue(lane.hart->retired, *lane.hart, offload, i, repeated, lane.values,
                            lane.result);
}

void FunctionalRun::perform_fp(Lane& lane, const Offload& offload, const Instruction& i) {
  if (i.unit == Unit::fpu) {
    arithmetic(lane, offload, i);
  } else if (i.unit == Unit::stream_csr) {
    if (!(i.rs1 & 1)) return;
    const bool on = i.op == Op::csrrsi;
    if (!on && lane.hart->streams_on)
      lane.streams->check_region_end(rules_, {lane.hart->id, offload.pc, &i});
    lane.hart->streams_on = on;
    if (on)
      watch_.begin_region(lane.hart->id);
    else
      watch_.end_region(lane.hart->id);
  } else {
    fp_memory(lane, offload, i);
  }
}

uint64_t FunctionalRun::read(Lane& lane, const Offload& offload, uint8_t reg, uint64_t (&popped)[3],
                             uint32_t& done) {
  if (!lane.hart->streams_on || reg >= Streamer::count) return lane.hart->f[reg];
  if ((done >> reg) & 1) return popped[reg];
  Mover& mover = (*lane.streams)[reg];
  const Place place{lane.hart->id, offload.pc, offload.instruction};
  if (mover.is_write() && mover.has_job())
    rules_.report(Rule::stream_direction, Severity::fatal, place,
                  format_text("ft%d is read while its stream writes", reg));
  if (mover.has_job())
    watch_.check(memory_.tcdm_address(mover.data_offset()), 8, place, lane.hart->id);
  if (!mover.take(popped[reg]))
    rules_.report(Rule::stream_overrun, Severity::fatal, place,
                  format_text("the instruction reads ft%d, but its stream has delivered all it was "
                              "programmed for; the hardware hangs here",
                              reg));
  done |= 1u << reg;
  return popped[reg];
}

void FunctionalRun::arithmetic(Lane& lane, const Offload& offload, const Instruction& i) {
  Hart& hart = *lane.hart;
  uint64_t popped[3];
  uint32_t done = 0;
  FpOperands& in = lane.values;
  in = {};
  in.a = i.has(reads_f1) ? read(lane, offload, i.rs1, popped, done) : offload.a;
  if (i.has(reads_f2)) in.b = read(lane, offload, i.rs2, popped, done);
  if (i.has(reads_f3)) in.c = read(lane, offload, i.rs3, popped, done);
  if (i.has(reads_fd)) in.c = read(lane, offload, i.rd, popped, done);
  bool unboxed = false;
  const uint64_t value = execute_fpu(i, in, hart.fp, unboxed);
  lane.result = value;
  const Place place{hart.id, offload.pc, offload.instruction};
  if (unboxed)
    rules_.report(Rule::unboxed_operand, Severity::caution, place,
                  "a scalar operand is no boxed value and reads as NaN; use packed instructions");
  lane.counters->fpu_issued++;
  lane.counters->flops += static_cast<uint64_t>(flops_of(i));
  if (i.has(writes_x)) {
    watch_.settle(hart.id);
    hart.set(i.rd, static_cast<uint32_t>(value));
  } else if (hart.streams_on && i.rd < Streamer::count) {
    Mover& mover = (*lane.streams)[i.rd];
    watch_.stored(hart.id, mover.data_offset());
    if (!mover.put(value))
      rules_.report(
          Rule::stream_overrun, Severity::fatal, place,
          format_text("the instruction writes ft%d, but no write stream is left for it", i.rd));
  } else {
    hart.f[i.rd] = value;
  }
}

void FunctionalRun::fp_memory(Lane& lane, const Offload& offload, const Instruction& i) {
  uint64_t popped[3];
  uint32_t done = 0;
  bool mapped = true;
  if (i.unit == Unit::fp_store) {
    const uint64_t data = read(lane, offload, i.rs2, popped, done);
    lane.values.b = data;
    mapped = memory_.write(offload.address, access_size(i), data);
  } else {
    uint64_t value = 0;
    watch_.check(offload.address, static_cast<uint32_t>(access_size(i)),
                 {lane.hart->id, offload.pc, &i}, lane.hart->id);
    mapped = memory_.read(offload.address, access_size(i), value);
    lane.hart->f[i.rd] = box(i.result, value);
  }
  if (!mapped)
    rules_.report(Rule::unmapped_access, Severity::silent, {lane.hart->id, offload.pc, &i},
                  format_text("nothing answers at 0x%08x", offload.address));
}

void run_functional(Cluster& cluster) {
  FunctionalRun(cluster).run();
}

}  // namespace snitch

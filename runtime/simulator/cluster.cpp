// Wires the units together and advances them cycle by cycle. Within a cycle memory requests are
// formed and decided first, then every core steps; registers between the units (queues.h) make the
// order of the cores irrelevant.
#include "cluster.h"

#include "profile.h"

namespace snitch {
namespace {

constexpr uint64_t patience = 4096;  // cycles without progress before a hart is looked at
constexpr uint64_t check_interval = 1024;

}  // namespace

Cluster::Cluster(const Machine& machine, Options options)
    : machine_(machine),
      options_(std::move(options)),
      rules_(options_.strictness),
      trace_(options_.trace_file.empty() ? nullptr : std::make_unique<Trace>(options_.trace_file)),
      memory_(machine),
      shared_cache_(machine),
      watch_(memory_, rules_),
      tcdm_(machine),
      dma_(machine, machine.compute_cores, memory_, rules_, watch_),
      peripherals_(machine, wiring()),
      clint_(machine, wiring()),
      console_(wiring()) {
  cores_.reserve(static_cast<size_t>(machine.harts()));
  for (int id = 0; id < machine.harts(); id++)
    cores_.emplace_back(machine_, id, memory_, shared_cache_, rules_, watch_, trace_.get());
  ports_.resize(cores_.size());
  last_progress_.resize(cores_.size());
  progress_.resize(cores_.size());
  memory_.add_device(machine.peripheral_base, machine.peripheral_size, peripherals_);
  memory_.add_device(machine.clint_base, 0x1000, clint_);
  memory_.add_device(BenchConsole::base, 0x10000, console_);
}

Cluster::~Cluster() = default;

Wiring Cluster::wiring() {
  Wiring w;
  w.metric = [this](uint32_t number, uint32_t hart) { return metric(number, hart); };
  w.cluster_interrupt = [this](uint32_t harts, bool on) {
    for (Core& core : cores_)
      if ((harts >> core.hart().id) & 1) core.hart().cluster_interrupt = on;
  };
  w.software_interrupt = [this](uint32_t hart, bool on) {
    if (hart < cores_.size()) cores_[hart].hart().software_interrupt = on;
  };
  w.prefetch = [this](bool on) {
    for (Core& core : cores_) core.set_prefetch(on);
  };
  w.exit = [this](uint32_t code) {
    exiting_ = true;
    outcome_.exited = true;
    outcome_.exit_code = code;
  };
  w.print = [this](const std::string& text) {
    if (options_.print) options_.print(text);
  };
  return w;
}

uint64_t Cluster::metric(uint32_t number, uint32_t hart) const {
  return event_total(number, cores_[hart % cores_.size()].counters(), counters_, now_);
}

void Cluster::load(const std::vector<uint8_t>& elf) {
  program_ = load_elf(elf, memory_);
  peripherals_.set_entry(program_.entry);
  for (Core& core : cores_) {
    core.hart().pc = program_.entry;
    core.hart().x[10] = static_cast<uint32_t>(core.hart().id);
  }
  const auto tohost = program_.symbols.find("tohost");
  const auto fromhost = program_.symbols.find("fromhost");
  if (tohost == program_.symbols.end() || fromhost == program_.symbols.end()) return;
  host_ = std::make_unique<HostInterface>(tohost->second, fromhost->second, memory_, wiring());
  memory_.watch(tohost->second, *host_);
}

Outcome Cluster::run() {
  if (options_.functional)
    run_functional(*this);
  else
    run_timed();
  outcome_.cycles = options_.functional ? 0 : now_;
  outcome_.instructions = 0;
  for (const Core& core : cores_) outcome_.instructions += core.progress();
  return outcome_;
}

void Cluster::run_timed() {
  for (const Core& core : cores_) watch_.add(core.streams());
  while (!exiting_) {
    cycle();
    if (now_ % check_interval == 0) look_for_deadlock();
    if (now_ >= options_.cycle_limit)
      rules_.report(
          Rule::cycle_limit, Severity::fatal, {},
          format_text("the program still runs after %llu cycles; raise --cycles if it should",
                      static_cast<unsigned long long>(now_)));
  }
  // A program that ends while an FPU waits in vain is as wrong as one that hangs.
  for (const Core& core : cores_) report_starved(core);
}

void Cluster::access_tcdm() {
  for (size_t c = 0; c < cores_.size(); c++) {
    if (cores_[c].inactive()) continue;
    ports_[c] = cores_[c].request(now_);
    for (int p = 0; p < 3; p++)
      if (ports_[c].valid[p]) tcdm_.request(static_cast<int>(3 * c) + p, ports_[c].offset[p]);
  }
  const uint64_t served = tcdm_.arbitrate(now_, counters_);
  for (size_t c = 0; c < cores_.size(); c++) {
    if (cores_[c].inactive()) continue;
    for (int p = 0; p < 3; p++)
      if (ports_[c].valid[p]) cores_[c].granted(p, (served >> (3 * c + p)) & 1, now_);
    uint32_t offset = 0;
    if (cores_[c].has_bank_hold(offset)) tcdm_.hold(offset, now_);
  }
}

void Cluster::serve_dma() {
  if (!machine_.dm_core) return;
  Core& core = cores_[static_cast<size_t>(machine_.compute_cores)];
  if (dma_result_.valid && core.can_deliver()) {
    core.deliver(dma_result_.result.rd, dma_result_.result.value);
    dma_result_.valid = false;
  }
  const Offload* offload = core.offloaded(Unit::dma);
  if (!offload || dma_result_.valid) return;
  uint32_t value = 0;
  if (!dma_.execute(*offload, now_, value)) return;
  if (offload->instruction->has(writes_x)) dma_result_ = {true, {offload->instruction->rd, value}};
  core.take_offloaded();
}

void Cluster::cycle() {
  bool all_arrived = true;
  for (Core& core : cores_) {
    all_arrived = all_arrived && core.at_barrier();
    if (!core.inactive()) core.begin_cycle();
  }
  dma_.step(now_, tcdm_, counters_);
  access_tcdm();
  muldiv_.step(cores_, now_);
  serve_dma();
  for (Core& core : cores_) {
    const uint32_t pc = core.hart().pc;
    const uint64_t before = core.counters().retired;
    if (core.inactive())
      core.count_idle_cycle();
    else
      core.step(now_);
    if (profile_) profile_->cycle(*this, core, pc, core.counters().retired != before);
  }
  if (all_arrived)
    for (Core& core : cores_) core.release_barrier();
  now_++;
}

void Cluster::report_deadlock(const std::string& what) {
  std::string text = what;
  for (const Core& core : cores_) text += "\n  " + core.state(now_);
  rules_.report(Rule::deadlock, Severity::fatal, {}, text);
  throw Violation(Rule::deadlock, text);
}

void Cluster::report_starved(const Core& core) {
  int stream = 0;
  if (!core.fp().starved(stream)) return;
  const Offload& waiting = core.fp().sequencer().front();
  rules_.report(Rule::stream_overrun, Severity::fatal,
                {core.hart().id, waiting.pc, waiting.instruction},
                format_text("the instruction reads ft%d, but its stream has delivered all it was "
                            "programmed for; the hardware hangs here",
                            stream));
}

// A cluster in which no hart issues anything and no transfer runs will never move again. A hart
// whose FPU waits for a stream without a job is stuck for good even if others run.
void Cluster::look_for_deadlock() {
  bool anybody = dma_.busy(now_);
  for (size_t c = 0; c < cores_.size(); c++) {
    const uint64_t progress = cores_[c].progress();
    if (progress != progress_[c]) {
      progress_[c] = progress;
      last_progress_[c] = now_;
    }
    const bool stuck = now_ - last_progress_[c] > patience;
    anybody = anybody || !stuck;
    int stream = 0;
    if (stuck && cores_[c].fp().starved(stream)) {
      const Offload& waiting = cores_[c].fp().sequencer().front();
      rules_.report(
          Rule::stream_overrun, Severity::fatal,
          {cores_[c].hart().id, waiting.pc, waiting.instruction},
          format_text("the instruction reads ft%d, but its stream has delivered all it was "
                      "programmed for; the hardware hangs here",
                      stream));
    }
  }
  if (!anybody) report_deadlock("all harts are blocked:");
}

}  // namespace snitch

// Beats are scheduled in half cycles, because short rows and writes to main memory take one and a
// half cycles each. A beat reads and writes at the same moment; the fixed cost of a transfer is its
// latency before the first beat. Queued transfers follow each other without a gap.
#include "dma.h"

#include <algorithm>
#include <array>

namespace snitch {
namespace {

constexpr uint32_t beat = 64;
constexpr uint32_t page = 4096;  // bursts end at its borders
constexpr uint32_t decouple = 1;
constexpr uint32_t two_dimensional = 2;

uint32_t beats(uint32_t address, uint32_t count) {
  return count == 0 ? 0 : (address % beat + count + beat - 1) / beat;
}

uint32_t to_page_end(uint32_t address) {
  return page - address % page;
}

}  // namespace

Dma::Dma(const Machine& machine, int hart, Memory& memory, Rules& rules, const StoreWatch& watch)
    : machine_(machine), hart_(hart), memory_(memory), rules_(rules), watch_(watch) {}

bool Dma::execute(const Offload& offload, uint64_t now, uint32_t& result) {
  const Instruction& i = *offload.instruction;
  switch (i.op) {
    case Op::dmsrc:
      source_ = offload.a | (uint64_t{offload.b} << 32);
      break;
    case Op::dmdst:
      target_ = offload.a | (uint64_t{offload.b} << 32);
      break;
    case Op::dmstr:
      source_stride_ = offload.a;
      target_stride_ = offload.b;
      break;
    case Op::dmrep:
      repetitions_ = offload.a;
      break;
    case Op::dmstati:
      result = status(i.rs2, now);
      break;
    case Op::dmstat:
      result = status(offload.b, now);
      break;
    case Op::dmcpyi:
    case Op::dmcpy:
      if (jobs_.size() >= static_cast<size_t>(machine_.dma_queue)) return false;
      result = start(offload, offload.a, i.op == Op::dmcpyi ? i.rs2 : offload.b, now);
      break;
    default:
      break;
  }
  return true;
}

uint32_t Dma::status(uint32_t selector, uint64_t now) const {
  switch (selector & 3) {
    case 0:
      return completed_id_;
    case 1:
      return next_id_;
    case 2:
      return busy(now) ? 1 : 0;
    default:
      return jobs_.size() >= static_cast<size_t>(machine_.dma_queue) ? 1 : 0;
  }
}

void Dma::check(const Job& job, const Offload& offload) {
  const auto covered = [&](uint64_t base, uint32_t stride) {
    if (base >> 32) return false;
    const auto first = static_cast<int64_t>(base);
    const int64_t last = first + int64_t{static_cast<int32_t>(stride)} * (job.rows - 1);
    const int64_t low = std::min(first, last);
    const int64_t high = std::max(first, last) + job.row;
    return low >= 0 &&
           memory_.is_memory(static_cast<uint32_t>(low), static_cast<uint64_t>(high - low));
  };
  const bool source = covered(job.source, job.source_stride);
  if (source && covered(job.target, job.target_stride)) return;
  rules_.report(
      Rule::dma_range, Severity::fatal, {hart_, offload.pc, offload.instruction},
      format_text("the transfer's %s (0x%llx, %u rows of %u bytes) does not lie in memory",
                  source ? "target" : "source",
                  static_cast<unsigned long long>(source ? job.target : job.source), job.rows,
                  job.row));
}

uint32_t Dma::start(const Offload& offload, uint32_t size, uint32_t config, uint64_t now) {
  Job job;
  job.source = source_;
  job.target = target_;
  job.row = size;
  const bool two = (config & two_dimensional) != 0;
  job.rows = two ? repetitions_ : 1;
  job.source_stride = two ? source_stride_ : 0;
  job.target_stride = two ? target_stride_ : 0;
  if (job.row == 0 || job.rows == 0) return next_id_;
  check(job, offload);
  const bool from_tcdm = memory_.is_tcdm(static_cast<uint32_t>(job.source));
  const bool from_zero =
      static_cast<uint32_t>(job.source) - machine_.zero_base < machine_.zero_size;
  job.outward = !memory_.is_tcdm(static_cast<uint32_t>(job.target));
  job.decoupled = (config & decouple) != 0;
  job.pc = offload.pc;
  job.instruction = offload.instruction;
  job.latency = job.outward              ? machine_.dma_latency_out
                : from_tcdm || from_zero ? machine_.dma_latency_local
                                         : machine_.dma_latency_in;
  job.accepted = now;
  jobs_.push_back(job);
  if (jobs_.size() == 1) begin(jobs_.front(), now);
  // The identifier only moves on when the engine takes the transfer, so queued ones share it.
  return jobs_.size() == 1 ? next_id_ - 1 : next_id_;
}

void Dma::begin(Job& job, uint64_t) {
  next_id_++;
  const uint64_t earliest = 2 * (job.accepted + static_cast<uint64_t>(job.latency));
  free_at_ = std::max(free_at_, earliest);
  row_end_ = free_at_ + static_cast<uint64_t>(row_cost(job));
}

int Dma::row_cost(const Job& job) const {
  return job.outward ? machine_.dma_half_cycles_row_out : machine_.dma_half_cycles_row;
}

// Bytes of the next beat: up to the end of the row or the next 64-byte boundary of the side that is
// worse aligned in this row.
uint32_t Dma::next_beat(const Job& job) const {
  const auto source = static_cast<uint32_t>(job.source) + job.row_done;
  const auto target = static_cast<uint32_t>(job.target) + job.row_done;
  const uint32_t left = job.row - job.row_done;
  const bool source_leads = beats(static_cast<uint32_t>(job.source), job.row) >
                            beats(static_cast<uint32_t>(job.target), job.row);
  const uint32_t address = source_leads ? source : target;
  return std::min(left, beat - address % beat);
}

// Both sides' traffic for the next `count` bytes of a row. A burst ends where its side leaves a
// page; unless the sides are decoupled, where either does.
void Dma::count_beat(Job& job, uint32_t count, ClusterCounters& counters) const {
  const auto source = static_cast<uint32_t>(job.source);
  const auto target = static_cast<uint32_t>(job.target);
  const uint32_t stop = job.row_done + count;
  const auto walk = [&](Burst& burst, uint32_t own, uint32_t other, DmaSide& side) {
    uint64_t finished = 0;
    for (uint32_t at = job.row_done; at < stop;) {
      if (at == burst.end) {
        uint32_t length = std::min(job.row - at, to_page_end(own + at));
        if (!job.decoupled) length = std::min(length, to_page_end(other + at));
        burst = {at, at + length};
        side.bursts++;
        side.requested += beat * beats(own + at, length);
      }
      const uint32_t next = std::min(stop, burst.end);
      side.beats +=
          beats(own + burst.begin, next - burst.begin) - beats(own + burst.begin, at - burst.begin);
      at = next;
      finished += at == burst.end;
    }
    return finished;
  };
  walk(job.read, source, target, counters.dma_read);
  counters.dma_written_bursts += walk(job.write, target, source, counters.dma_write);
  counters.dma_bytes += count;
}

// A cycle without a beat: main memory takes written beats more slowly than they come; otherwise the
// data has not arrived yet.
void Dma::count_wait(ClusterCounters& counters) const {
  const Job& job = jobs_.front();
  const bool begun = job.row_done > 0 || job.rows_done > 0;
  (job.outward && begun ? counters.dma_waits_for_sink : counters.dma_waits_for_data)++;
}

void Dma::copy(const Job& job, uint32_t source, uint32_t target, uint32_t count) {
  watch_.check(source, count, {hart_, job.pc, job.instruction});
  std::array<uint8_t, beat> data{};
  memory_.read_bytes(source, data.data(), count);
  memory_.write_bytes(target, data.data(), count);
}

void Dma::step(uint64_t now, Tcdm& tcdm, ClusterCounters& counters) {
  if (busy(now)) counters.dma_busy++;
  if (jobs_.empty()) return;
  if (2 * now < free_at_) {
    count_wait(counters);
    return;
  }
  Job& job = jobs_.front();
  const uint32_t count = next_beat(job);
  const auto source = static_cast<uint32_t>(job.source) + job.row_done;
  const auto target = static_cast<uint32_t>(job.target) + job.row_done;
  copy(job, source, target, count);
  count_beat(job, count, counters);
  if (memory_.is_tcdm(source)) tcdm.take_superbank(memory_.tcdm_offset(source));
  if (memory_.is_tcdm(target)) tcdm.take_superbank(memory_.tcdm_offset(target));
  free_at_ += job.outward ? static_cast<uint64_t>(machine_.dma_half_cycles_beat_out) : 2;
  job.row_done += count;
  if (job.row_done < job.row) return;
  free_at_ = std::max(free_at_, row_end_);
  row_end_ = free_at_ + static_cast<uint64_t>(row_cost(job));
  job.row_done = 0;
  job.read = job.write = {};
  job.source += job.source_stride;
  job.target += job.target_stride;
  if (++job.rows_done < job.rows) return;
  completed_id_++;
  busy_until_ = (free_at_ + 1) / 2;
  jobs_.pop_front();
  if (!jobs_.empty()) begin(jobs_.front(), now);
}

void Dma::run_all(ClusterCounters& counters) {
  for (; !jobs_.empty(); jobs_.pop_front()) {
    Job& job = jobs_.front();
    for (uint32_t r = 0; r < job.rows; r++) {
      for (uint32_t done = 0; done < job.row; done += beat)
        copy(job, static_cast<uint32_t>(job.source) + done,
             static_cast<uint32_t>(job.target) + done, std::min(beat, job.row - done));
      job.read = job.write = {};
      count_beat(job, job.row, counters);
      job.source += job.source_stride;
      job.target += job.target_stride;
    }
    completed_id_++;
    next_id_ = std::max(next_id_, completed_id_ + 1);
  }
}

}  // namespace snitch

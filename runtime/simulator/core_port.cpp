// The memory side of a core: who uses which TCDM port in a cycle, what an access does when it is
// granted, and how responses find their way back.
#include "core.h"

namespace snitch {
namespace {

Place place_of(const Hart& hart, const MemoryRequest& request) {
  return {hart.id, request.pc, request.instruction};
}

}  // namespace

// Chooses between the integer and the FP load-store unit; accesses to other places than the TCDM
// leave at once, since the interconnect behind takes one a cycle from every core.
bool Core::pick_core_request(uint64_t now) {
  source_ = Source::none;
  if (responses_.full()) return false;
  const int winner = core_or_fp_.choose(memory_.can_pop(), fp_.requests().can_pop());
  if (winner < 0) return false;
  picked_fp_ = winner == 1;
  const MemoryRequest& request = picked();
  if (memory_map_.is_tcdm(request.address)) {
    source_ = Source::core_tcdm;
    return true;
  }
  core_or_fp_.accepted(true);
  perform(request, now + static_cast<uint64_t>(machine_.soc_latency));
  if (picked_fp_)
    fp_.requests().pop();
  else
    memory_.pop();
  return false;
}

PortRequests Core::request(uint64_t now) {
  PortRequests result;
  std::array<bool, 3> mover{};
  std::array<uint32_t, 3> offset{};
  for (int m = 0; m < Streamer::count; m++) {
    if (streams_[m].quiet()) continue;
    const bool data = streams_[m].wants_data(now);
    const bool index = m < 2 && streams_[m].wants_index(now);
    if (m < 2) {
      const int winner = data_or_index_[m].choose(data, index);
      index_chosen_[m] = winner == 1;
    }
    mover[m] = data || index;
    if (mover[m])
      offset[m] =
          m < 2 && index_chosen_[m] ? streams_[m].index_offset() : streams_[m].data_offset();
  }
  const bool core = pick_core_request(now);
  core_has_port_ = core;
  if (mover[0] || core) {
    core_has_port_ = mover_or_core_.choose(mover[0], core) == 1;
    result.valid[0] = true;
    result.offset[0] = core_has_port_ ? memory_map_.tcdm_offset(picked().address) : offset[0];
  }
  for (int m = 1; m < Streamer::count; m++) {
    result.valid[m] = mover[m];
    result.offset[m] = offset[m];
  }
  return result;
}

void Core::granted(int port, bool yes, uint64_t now) {
  if (port == 0) {
    mover_or_core_.accepted(yes);
    if (core_has_port_) {
      core_or_fp_.accepted(yes);
      counters_.core_conflicts += yes ? 0 : 1;
      if (!yes) return;
      perform(picked(), now + 1);
      if (picked_fp_)
        fp_.requests().pop();
      else
        memory_.pop();
      return;
    }
    if (source_ == Source::core_tcdm) core_or_fp_.accepted(false);
  }
  counters_.stream_accesses++;
  counters_.stream_conflicts += yes ? 0 : 1;
  if (port < 2) data_or_index_[port].accepted(yes);
  if (!yes) return;
  Mover& mover = streams_[port];
  if (port < 2 && index_chosen_[port]) {
    mover.index_granted(now);
    return;
  }
  // A stream that goes over its own hart's results in place reads every word before it is written.
  if (!mover.is_write())
    watch_.check(memory_map_.tcdm_address(mover.data_offset()), 8, mover.place(), hart_.id);
  mover.data_granted(now);
}

// A load that reads what a write stream has not stored yet sees old data. FP loads are in order
// with the instructions around them, so for their own hart's streams only earlier results matter.
void Core::check_undrained(const MemoryRequest& request) const {
  const Place place = place_of(hart_, request);
  const auto bytes = static_cast<uint32_t>(access_size(*request.instruction));
  watch_.check(request.address, bytes, place, request.fp ? hart_.id : StoreWatch::nobody);
  if (!request.fp || !memory_map_.is_tcdm(request.address)) return;
  for (int m = 0; m < Streamer::count; m++)
    if (streams_[m].owes_result(memory_map_.tcdm_offset(request.address), request.produced[m]))
      watch_.report(request.address, m, hart_.id, place);
}

void Core::perform(const MemoryRequest& request, uint64_t ready) {
  const Instruction& i = *request.instruction;
  Response response{&i, 0, ready, request.rd, request.write, request.fp, request.repeated};
  bool mapped = true;
  if (i.unit == Unit::amo) {
    uint32_t old = 0;
    check_undrained(request);
    mapped = memory_map_.atomic(i.op, request.address, static_cast<uint32_t>(request.data),
                                hart_.id, old);
    response.data = old;
    hold_bank_ = memory_map_.is_tcdm(request.address);
    hold_offset_ = memory_map_.tcdm_offset(request.address);
  } else if (request.write) {
    mapped = memory_map_.write(request.address, access_size(i), request.data);
  } else {
    check_undrained(request);
    mapped = memory_map_.read(request.address, access_size(i), response.data);
  }
  if (!mapped)
    rules_.report(Rule::unmapped_access, Severity::silent, place_of(hart_, request),
                  format_text("nothing answers at 0x%08x", request.address));
  responses_.push(response);
}

bool Core::has_bank_hold(uint32_t& offset) {
  if (!hold_bank_) return false;
  hold_bank_ = false;
  offset = hold_offset_;
  return true;
}

// Responses come back in order. A load of the FP subsystem waits while an FPU result uses the
// register file's port, and holds up everything behind it.
void Core::take_responses(uint64_t now) {
  if (responses_.empty() || responses_.front().ready > now) return;
  const Response& response = responses_.front();
  if (response.fp) {
    if (!response.write && !fp_.write_port_free()) return;
    if (!response.write)
      fp_.finish_load(response.rd, box(response.instruction->result, response.data));
    if (!response.repeated && !consistency_.empty()) consistency_.pop();
    fp_.finish_access();
  } else {
    if (!loads_.can_push()) return;
    loads_.push(response);
  }
  responses_.pop();
}

}  // namespace snitch

// Address generation, the queue of one job behind the running one, and the data buffer with its
// credits. Timing follows the registers of the hardware: configuration becomes active a cycle after
// it is written, movers with an index port have one more register before their memory port, and a
// granted access reaches the buffer two cycles later.
#include "streamer.h"

namespace snitch {
namespace {

enum Word : uint32_t {
  status = 0,
  repeat = 1,
  bound = 2,
  stride = 6,
  index_config = 10,
  index_base = 11,
  launches = 16,
  plain_launches = 24
};

}  // namespace

Mover::Mover(const Machine& machine, int hart, int index, Rules& rules, Memory& memory)
    : machine_(machine),
      hart_(hart),
      index_(index),
      rules_(rules),
      memory_(memory),
      credits_(static_cast<size_t>(machine.stream_credits)) {}

void Mover::check_write(uint32_t word, uint32_t value, const Place& place) {
  const auto silent = [&](Rule rule, const std::string& text) {
    rules_.report(rule, Severity::silent, place, text);
  };
  if (word == repeat && value > repeat_mask)
    silent(Rule::stream_repeat, format_text("%u repetitions do not fit 4 bits (at most 16); the "
                                            "hardware would do %u",
                                            value + 1, (value & repeat_mask) + 1));
  if (word >= bound && word < stride && value > pointer_mask)
    silent(Rule::stream_count,
           format_text("a bound of %u iterations does not fit 17 bits", value + 1));
  if (word >= stride && word < index_config && (value & 7))
    silent(Rule::stream_stride,
           format_text("stride %d is no multiple of 8; the hardware would use %d",
                       static_cast<int32_t>(value), static_cast<int32_t>(value & ~7u)));
  if (word == index_base && (value & 7))
    silent(Rule::stream_alignment, format_text("index base 0x%08x is no multiple of 8", value));
}

void Mover::config_write(uint32_t word, uint32_t value, uint64_t now, const Place& place) {
  check_write(word, value, place);
  if (word == repeat) {
    shadow_.repeat = value & repeat_mask;
    if (done_ && done_since_ <= now) set_repeat(shadow_.repeat, place);
  } else if (word >= bound && word < stride) {
    shadow_.bound[word - bound] = value & pointer_mask;
  } else if (word >= stride && word < index_config) {
    shadow_.stride[word - stride] = value & ~7u;
  } else if (word == index_config) {
    shadow_.index_size = static_cast<int>(value & 3);
    shadow_.index_shift = static_cast<int>((value >> 8) & 7);
    if (value >> 16)
      rules_.report(Rule::stream_unsupported, Severity::fatal, place,
                    "merging and intersecting streams are not modelled");
  } else if (word == index_base) {
    shadow_.index_base = value & ~7u;
  } else if (word >= launches) {
    launch(word, value, now, place);
  } else if (word == status) {
    rules_.report(Rule::stream_unsupported, Severity::fatal, place,
                  "restarting a job through the status word is not modelled; write a pointer word");
  }
}

void Mover::launch(uint32_t word, uint32_t value, uint64_t now, const Place& place) {
  shadow_.indirect = word < plain_launches;
  shadow_.write = (word & 4) != 0;
  shadow_.dims = static_cast<int>(word & 3) + 1;
  shadow_.pointer = value;
  shadow_.place = place;
  if (shadow_.indirect && (index_ == 2 || shadow_.dims != 1))
    rules_.report(Rule::stream_unsupported, Severity::fatal, place,
                  index_ == 2 ? "mover 2 has no index port"
                              : "merging and intersecting streams are not modelled");
  const uint32_t alignment = shadow_.indirect ? (1u << shadow_.index_size) - 1 : 7;
  if (value & alignment)
    rules_.report(Rule::stream_alignment, Severity::silent, place,
                  format_text("stream pointer 0x%08x is no multiple of %u; the hardware would "
                              "ignore its low bits",
                              value, alignment + 1));
  budget_ += static_cast<int64_t>(elements(shadow_) * (shadow_.write ? 1 : shadow_.repeat + 1));
  const uint64_t spill = index_ < 2 ? 1 : 0;
  if (done_ && done_since_ <= now) {
    activate(now + 1 + spill);
  } else if (done_) {
    activate(now + 2 + spill);
  } else {
    shadow_pending_ = true;
    shadow_since_ = now + 1;
  }
}

void Mover::activate(uint64_t first_request) {
  if (shadow_.repeat != active_.repeat) set_repeat(shadow_.repeat, shadow_.place);
  active_ = shadow_;
  position_ = {};
  index_words_ = 0;
  index_used_ = 0;
  warned_range_ = false;
  done_ = false;
  first_request_ = first_request;
  locate();
}

// The repeat count belongs to the buffer's output, so changing it hits elements that wait there.
void Mover::set_repeat(uint32_t value, const Place& place) {
  if (value == active_.repeat) return;
  if (!fifo_.empty() && !fifo_is_write_)
    rules_.report(Rule::stream_race, Severity::silent, place,
                  "the repeat count changes while elements of the job before are still waiting to "
                  "be read; let the stream run dry first");
  active_.repeat = value;
}

uint64_t Mover::elements(const Job& job) const {
  uint64_t count = 1;
  for (int i = 0; i < (job.indirect ? 1 : job.dims); i++) count *= uint64_t{job.bound[i]} + 1;
  return count;
}

// The address an indirect job's element goes to, by the index in memory.
uint32_t Mover::element_address(const Job& job, uint64_t index) const {
  const uint64_t at = job.pointer + (index << job.index_size);
  const uint64_t word = memory_.read_tcdm(static_cast<uint32_t>(at) & pointer_mask);
  const uint64_t mask =
      job.index_size == 3 ? ~uint64_t{0} : (uint64_t{1} << (8 << job.index_size)) - 1;
  const uint64_t value = (word >> (8 * (at & 7 & ~((uint64_t{1} << job.index_size) - 1)))) & mask;
  return job.index_base + static_cast<uint32_t>(value << (3 + job.index_shift));
}

// Works out where the next element lies, and whether the program meant that place.
void Mover::locate() {
  const uint32_t address =
      active_.indirect ? element_address(active_, index_used_) : active_.pointer;
  offset_ = address & pointer_mask & ~7u;
  if (memory_.is_tcdm(address) || warned_range_) return;
  warned_range_ = true;
  rules_.report(
      Rule::stream_range, Severity::silent, active_.place,
      format_text("the stream of ft%d reaches 0x%08x outside the TCDM; the hardware would "
                  "access 0x%08x",
                  index_, address, machine_.tcdm_base + offset_));
}

bool Mover::step() {
  index_used_++;
  if (active_.indirect) {
    if (index_used_ > active_.bound[0]) return false;
    locate();
    return true;
  }
  for (int i = 0; i < active_.dims; i++) {
    if (position_[i] == active_.bound[i]) {
      position_[i] = 0;
      continue;
    }
    position_[i]++;
    active_.pointer += active_.stride[i];
    locate();
    return true;
  }
  return false;
}

void Mover::finish(uint64_t now) {
  done_ = true;
  done_since_ = now + 1;
  if (!shadow_pending_) return;
  shadow_pending_ = false;
  activate(now + 2 + (index_ < 2 ? 1 : 0));
}

uint32_t Mover::config_read(uint32_t word, uint64_t now) const {
  const bool idle = done_ && done_since_ <= now;
  const Job& job = idle ? shadow_ : active_;
  if (word == status)
    return (idle ? 1u << 31 : 0) | (active_.write ? 1u << 30 : 0) |
           (static_cast<uint32_t>(active_.dims - 1) << 28) | (active_.indirect ? 1u << 27 : 0) |
           (active_.pointer & pointer_mask);
  if (word == repeat) return active_.repeat;
  if (word >= bound && word < stride) return job.bound[word - bound];
  if (word >= stride && word < index_config) return job.stride[word - stride] & pointer_mask;
  if (word == index_config)
    return static_cast<uint32_t>(job.index_size) | (static_cast<uint32_t>(job.index_shift) << 8);
  return word == index_base ? job.index_base & pointer_mask : 0;
}

void Mover::pop() {
  budget_--;
  if (repeated_ < active_.repeat) {
    repeated_++;
    return;
  }
  repeated_ = 0;
  fifo_.pop();
}

uint64_t Mover::index_words_total() const {
  const uint64_t bytes =
      (active_.pointer & 7) + ((uint64_t{active_.bound[0]} + 1) << active_.index_size);
  return (bytes + 7) / 8;
}

bool Mover::wants_index(uint64_t now) const {
  if (done_ || !active_.indirect || now + 1 < first_request_) return false;
  const uint64_t used = ((active_.pointer & 7) + (index_used_ << active_.index_size)) / 8;
  return index_words_ < index_words_total() &&
         index_words_ - used < static_cast<uint64_t>(machine_.index_credits);
}

uint32_t Mover::index_offset() const {
  return (active_.pointer + 8 * static_cast<uint32_t>(index_words_)) & pointer_mask & ~7u;
}

void Mover::index_granted(uint64_t now) {
  index_visible_[index_words_ % index_visible_.size()] = now + 3;  // buffer and output register
  index_words_++;
}

bool Mover::wants_data(uint64_t now) const {
  if (done_ || now < first_request_) return false;
  if (active_.indirect) {
    const uint64_t word = ((active_.pointer & 7) + (index_used_ << active_.index_size)) / 8;
    if (word >= index_words_ || index_visible_[word % index_visible_.size()] > now) return false;
  }
  if (active_.write) return fifo_is_write_ && readable(now);
  if (fifo_is_write_ && (!fifo_.empty() || last_write_ + 2 > now)) return false;
  return fifo_.size() < credits_;
}

void Mover::data_granted(uint64_t now) {
  if (active_.write) {
    memory_.write_tcdm(offset_, fifo_.front().data);
    stored_++;
    fifo_.pop();
    last_write_ = now;
  } else {
    fifo_.push({memory_.read_tcdm(offset_), now + 2});
    fifo_is_write_ = false;
  }
  if (!step()) finish(now);
}

bool Mover::drained(uint64_t now) const {
  return fifo_.empty() && !shadow_pending_ && done_ && last_write_ + 2 <= now;
}

bool Mover::take(uint64_t& data) {
  if (done_ || active_.write) return false;
  data = memory_.read_tcdm(offset_);
  budget_--;
  if (repeated_ < active_.repeat) {
    repeated_++;
    return true;
  }
  repeated_ = 0;
  if (!step()) finish(done_since_);
  return true;
}

bool Mover::put(uint64_t data) {
  if (done_ || !active_.write) return false;
  memory_.write_tcdm(offset_, data);
  budget_--;
  if (!step()) finish(done_since_);
  return true;
}

std::string Mover::state() const {
  if (done_ && !shadow_pending_)
    return format_text("ft%d idle, %zu buffered", index_, fifo_.size());
  return format_text("ft%d %s, %lld accesses left, %zu buffered", index_,
                     active_.write ? "writing" : "reading", static_cast<long long>(budget_),
                     fifo_.size());
}

Streamer::Streamer(const Machine& machine, int hart, Rules& rules, Memory& memory)
    : movers_{Mover(machine, hart, 0, rules, memory), Mover(machine, hart, 1, rules, memory),
              Mover(machine, hart, 2, rules, memory)} {}

bool Streamer::config_writable(uint32_t target, uint64_t now) const {
  if (target < count) return movers_[target].config_writable(now);
  for (const Mover& mover : movers_)
    if (target == 31 && !mover.config_writable(now)) return false;
  return true;
}

void Streamer::config_write(uint32_t target, uint32_t word, uint32_t value, uint64_t now,
                            const Place& place) {
  for (int i = 0; i < count; i++)
    if (target == static_cast<uint32_t>(i) || target == 31)
      movers_[i].config_write(word, value, now, place);
}

uint32_t Streamer::config_read(uint32_t target, uint32_t word, uint64_t now) const {
  return target < count ? movers_[target].config_read(word, now) : 0;
}

void Streamer::check_region_end(Rules& rules, const Place& place) const {
  for (int i = 0; i < count; i++) {
    const int64_t left = movers_[i].budget();
    if (left == 0) continue;
    const bool too_few = left > 0;
    rules.report(too_few ? Rule::stream_underrun : Rule::stream_overrun, Severity::silent, place,
                 format_text("streams are switched off while ft%d has %lld accesses %s", i,
                             static_cast<long long>(too_few ? left : -left),
                             too_few ? "left to make; they would corrupt the next region"
                                     : "more than were programmed"));
  }
}

}  // namespace snitch

// What a write stream has yet to store: the question whether a word of the TCDM is among the
// elements a job has left. It is answered from the loops, because jobs can have more elements than
// anybody wants to walk through; jobs that wrap around the TCDM are not followed.
#include <algorithm>

#include "streamer.h"

namespace snitch {

// Undoes the form of the configuration words, in which a stride starts from the end of the inner
// loops.
std::array<int64_t, 4> Mover::true_strides(const Job& job) {
  constexpr int64_t outside = 1 << 20;  // of the TCDM in any case
  std::array<int64_t, 4> result{};
  int64_t inner = 0;
  for (int i = 0; i < job.dims; i++) {
    result[i] = std::clamp(static_cast<int32_t>(job.stride[i]) + inner, -outside, outside);
    inner += job.bound[i] * result[i];
  }
  return result;
}

// Whether loops 0..loop can cover the distance. `first`: the outer loops stand at the first
// element, so this one must not go back before it.
bool Mover::Search::reaches(int loop, bool first, int64_t distance) {
  if (loop < 0) return distance == 0;
  int64_t low = 0, high = 0;
  for (int i = 0; i <= loop; i++) {
    low += std::min<int64_t>(0, job.bound[i] * stride[i]);
    high += std::max<int64_t>(0, job.bound[i] * stride[i]);
  }
  if (distance < low || distance > high || visits-- <= 0) return false;
  const uint32_t begin = first ? from[loop] : 0;
  const uint32_t end = job.bound[loop];
  if (begin > end) return false;
  if (reaches(loop - 1, first, distance - begin * stride[loop])) return true;
  if (stride[loop] == 0) return first && begin < end && reaches(loop - 1, false, distance);
  if (loop == 0) {
    const int64_t steps = distance / stride[0];
    return distance % stride[0] == 0 && steps > begin && steps <= end;
  }
  for (uint32_t p = begin + 1; p <= end && visits > 0; p++)
    if (reaches(loop - 1, false, distance - p * stride[loop])) return true;
  return false;
}

// Whether the elements from a position (or an index) on include the word.
bool Mover::reaches(const Job& job, const std::array<uint32_t, 4>& from, uint64_t index,
                    uint32_t offset) const {
  constexpr uint64_t farthest = 4096;  // long index lists are only followed this far
  if (job.indirect) {
    const uint64_t end = std::min(uint64_t{job.bound[0]} + 1, index + farthest);
    for (; index < end; index++)
      if (((element_address(job, index) ^ offset) & pointer_mask & ~7u) == 0) return true;
    return false;
  }
  Search search{job, true_strides(job), from};
  int64_t distance = int64_t{offset & ~7u} - (job.pointer & pointer_mask & ~7u);
  for (int i = 0; i < job.dims; i++) distance += from[i] * search.stride[i];
  return search.reaches(job.dims - 1, true, distance);
}

bool Mover::owes(uint32_t offset) const {
  if (!done_ && active_.write && reaches(active_, position_, index_used_, offset)) return true;
  return shadow_pending_ && shadow_.write && reaches(shadow_, {}, 0, offset);
}

bool Mover::owes_result(uint32_t offset, uint64_t produced) const {
  if (done_ || !active_.write || active_.indirect) return false;
  uint32_t pointer = active_.pointer;
  std::array<uint32_t, 4> position = position_;
  for (uint64_t n = stored_; n < produced; n++) {
    if (((pointer ^ offset) & pointer_mask & ~7u) == 0) return true;
    int loop = 0;
    while (loop < active_.dims && position[loop] == active_.bound[loop]) position[loop++] = 0;
    if (loop == active_.dims) return false;
    position[loop]++;
    pointer += active_.stride[loop];
  }
  return false;
}

void Mover::job_bounds(const Job& job, uint32_t& low, uint32_t& high) {
  int64_t first = job.pointer & pointer_mask & ~7u, last = first;
  const std::array<int64_t, 4> stride = true_strides(job);
  for (int i = 0; i < job.dims; i++) {
    first += std::min<int64_t>(0, job.bound[i] * stride[i]);
    last += std::max<int64_t>(0, job.bound[i] * stride[i]);
  }
  const bool anywhere = job.indirect || first < 0 || last > pointer_mask;
  low = std::min(low, anywhere ? 0 : static_cast<uint32_t>(first));
  high = std::max(high, anywhere ? pointer_mask : static_cast<uint32_t>(last) | 7);
}

// The active pointer has moved on from the start, so the whole job lies around the start it had.
void Mover::write_bounds(uint32_t& low, uint32_t& high) const {
  if (!done_ && active_.write) {
    Job whole = active_;
    const std::array<int64_t, 4> stride = true_strides(active_);
    for (int i = 0; i < active_.dims && !active_.indirect; i++)
      whole.pointer -= static_cast<uint32_t>(position_[i] * stride[i]);
    job_bounds(whole, low, high);
  }
  if (shadow_pending_ && shadow_.write) job_bounds(shadow_, low, high);
}

}  // namespace snitch

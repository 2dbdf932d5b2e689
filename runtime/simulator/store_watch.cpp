// Most reads are far from anything a stream writes, so the bounds of all running write jobs are
// kept and the jobs themselves are only asked inside them.
#include "store_watch.h"

#include <algorithm>

namespace snitch {
namespace {

constexpr uint32_t word = 8;

}  // namespace

void StoreWatch::begin_region(int hart) {
  open_ |= 1u << hart;
  refresh();
}

void StoreWatch::end_region(int hart) {
  open_ &= ~(1u << hart);
  refresh();
}

void StoreWatch::refresh() {
  low_ = ~0u;
  high_ = 0;
  for (size_t h = 0; h < harts_.size(); h++)
    for (int m = 0; m < Streamer::count; m++)
      if ((open_ >> h) & 1) (*harts_[h].streams)[m].write_bounds(low_, high_);
}

void StoreWatch::stored(int hart, uint32_t offset) {
  const size_t at = offset / word;
  if (at >= log_.size()) log_.resize(at + 1);
  log_[at] = {harts_[static_cast<size_t>(hart)].epoch, static_cast<int16_t>(hart)};
}

int StoreWatch::owner(uint32_t offset, int except, int& stream) const {
  if (offset >= low_ && offset <= high_) {
    for (size_t h = 0; h < harts_.size(); h++) {
      if (!((open_ >> h) & 1) || static_cast<int>(h) == except) continue;
      for (stream = 0; stream < Streamer::count; stream++)
        if ((*harts_[h].streams)[stream].owes(offset)) return static_cast<int>(h);
    }
  }
  stream = nobody;
  const size_t at = offset / word;
  if (at >= log_.size() || log_[at].hart == nobody || log_[at].hart == except) return nobody;
  const bool settled = log_[at].epoch < harts_[static_cast<size_t>(log_[at].hart)].epoch;
  return settled ? nobody : log_[at].hart;
}

void StoreWatch::look(uint32_t address, uint32_t bytes, const Place& reader, int except) const {
  if (!memory_.is_tcdm(address)) return;
  const uint32_t first = memory_.tcdm_offset(address) & ~(word - 1);
  const uint32_t last = memory_.tcdm_offset(address + bytes - 1);
  for (uint32_t offset = first; offset <= last; offset += word) {
    int stream = nobody;
    const int hart = owner(offset, except, stream);
    if (hart == nobody) continue;
    report(std::max(address, address - memory_.tcdm_offset(address) + offset), stream, hart,
           reader);
    return;
  }
}

void StoreWatch::report(uint32_t address, int stream, int hart, const Place& reader) const {
  std::string who = stream == nobody ? "a write stream" : "the write stream of ft";
  if (stream != nobody) who += std::to_string(stream);
  const bool own = hart == reader.hart;
  if (!own) who += " of hart " + std::to_string(hart);
  rules_.report(Rule::undrained_read, Severity::silent, reader,
                format_text("0x%08x is read before %s has stored it; %s wait for the FPU and for "
                            "the stream's done bit%s",
                            address, who.c_str(), own ? "first" : "that hart must first",
                            own ? "" : ", then both must meet at a barrier"));
}

}  // namespace snitch

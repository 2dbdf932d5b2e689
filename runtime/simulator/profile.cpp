// A profile entry is the difference of all counters between two moments; entries of one hart and
// name are added up.
#include "profile.h"

#include <nlohmann/json.hpp>

#include "cluster.h"

namespace snitch {
namespace {

// Applies `combine` to every pair of counters of two sets.
template <typename F>
void each(Counters& a, const Counters& b, F combine) {
  combine(a.retired, b.retired);
  combine(a.retired_alu, b.retired_alu);
  combine(a.retired_load, b.retired_load);
  combine(a.retired_offload, b.retired_offload);
  combine(a.fpu_issued, b.fpu_issued);
  combine(a.fp_issued, b.fp_issued);
  combine(a.core_to_fpu, b.core_to_fpu);
  combine(a.flops, b.flops);
  combine(a.stream_accesses, b.stream_accesses);
  combine(a.stream_conflicts, b.stream_conflicts);
  combine(a.core_conflicts, b.core_conflicts);
  combine(a.l0_misses, b.l0_misses);
  for (size_t i = 0; i < a.core_stall.size(); i++) combine(a.core_stall[i], b.core_stall[i]);
  for (size_t i = 0; i < a.fp_stall.size(); i++) combine(a.fp_stall[i], b.fp_stall[i]);
}

template <typename F>
void each(ClusterCounters& a, const ClusterCounters& b, F combine) {
  combine(a.tcdm_accessed, b.tcdm_accessed);
  combine(a.tcdm_congested, b.tcdm_congested);
  combine(a.dma_bytes, b.dma_bytes);
  combine(a.dma_busy, b.dma_busy);
}

double ratio(uint64_t a, uint64_t b) {
  return b ? static_cast<double>(a) / static_cast<double>(b) : 0.0;
}

bool is_marker(const Instruction* i) {
  return i && i->unit == Unit::csr && i->imm == static_cast<int32_t>(csr::mcycle);
}

}  // namespace

void Profile::open(const Cluster& cluster, const Core& core, Open& o, uint32_t key,
                   std::string name) {
  o = {true, key, std::move(name), cluster.now(), core.counters(), cluster.counters()};
}

void Profile::close(const Cluster& cluster, const Core& core, Open& o) {
  if (!o.active) return;
  o.active = false;
  const auto place = index_.try_emplace({core.hart().id, o.name}, entries_.size());
  if (place.second) {
    Entry entry;
    entry.name = o.name;
    entry.hart = core.hart().id;
    entries_.push_back(std::move(entry));
  }
  Entry& entry = entries_[place.first->second];
  const auto add = [](uint64_t& a, uint64_t b) { a += b; };
  const auto subtract = [](uint64_t& a, uint64_t b) { a -= b; };
  Counters counters = core.counters();
  ClusterCounters totals = cluster.counters();
  each(counters, o.counters, subtract);
  each(totals, o.cluster, subtract);
  each(entry.counters, counters, add);
  each(entry.cluster, totals, add);
  entry.cycles += cluster.now() - o.since;
}

void Profile::cycle(const Cluster& cluster, const Core& core, uint32_t pc, bool issued) {
  const auto id = static_cast<size_t>(core.hart().id);
  if (open_.size() <= id) open_.resize(cluster.cores().size());
  Open& o = open_[id];
  if (by_ == By::region) {
    if (!issued || !is_marker(const_cast<Cluster&>(cluster).memory().fetch(pc))) return;
    close(cluster, core, o);
    open(cluster, core, o, pc, format_text("from 0x%08x", pc));
    return;
  }
  const auto& functions = cluster.program().functions;
  if (o.active && o.key == pc) return;
  auto next = functions.upper_bound(pc);
  const uint32_t key = next == functions.begin() ? 0 : std::prev(next)->first;
  if (o.active && o.name == (key ? functions.at(key) : "?")) return;
  close(cluster, core, o);
  open(cluster, core, o, pc, key ? functions.at(key) : "?");
}

void Profile::finish(const Cluster& cluster) {
  for (size_t id = 0; id < open_.size(); id++) close(cluster, cluster.cores()[id], open_[id]);
}

std::string Profile::text() const {
  std::string out =
      "hart region                              cycles   instrs  FPU-issue  FLOP/cycle  conflicts  "
      "DMA-bytes  DMA-busy  stalls\n";
  for (const Entry& e : entries_) {
    out += format_text(
        "%4d %-32s %9llu %8llu %9.1f%% %11.2f %10llu %10llu %9llu ", e.hart, e.name.c_str(),
        static_cast<unsigned long long>(e.cycles),
        static_cast<unsigned long long>(e.counters.retired),
        100 * ratio(e.counters.fpu_issued, e.cycles), ratio(e.counters.flops, e.cycles),
        static_cast<unsigned long long>(e.counters.stream_conflicts + e.counters.core_conflicts),
        static_cast<unsigned long long>(e.cluster.dma_bytes),
        static_cast<unsigned long long>(e.cluster.dma_busy));
    for (size_t i = 0; i < core_stall_names.size(); i++)
      if (e.counters.core_stall[i])
        out += format_text(" %s=%llu", core_stall_names[i],
                           static_cast<unsigned long long>(e.counters.core_stall[i]));
    for (size_t i = 0; i < fp_stall_names.size(); i++)
      if (e.counters.fp_stall[i])
        out += format_text(" fp-%s=%llu", fp_stall_names[i],
                           static_cast<unsigned long long>(e.counters.fp_stall[i]));
    out += "\n";
  }
  return out;
}

std::string Profile::json() const {
  nlohmann::json list = nlohmann::json::array();
  for (const Entry& e : entries_) {
    nlohmann::json core_stalls;
    nlohmann::json fp_stalls;
    for (size_t i = 0; i < core_stall_names.size(); i++)
      core_stalls[core_stall_names[i]] = e.counters.core_stall[i];
    for (size_t i = 0; i < fp_stall_names.size(); i++)
      fp_stalls[fp_stall_names[i]] = e.counters.fp_stall[i];
    list.push_back({{"hart", e.hart},
                    {"name", e.name},
                    {"cycles", e.cycles},
                    {"instructions", e.counters.retired},
                    {"fpu_issued", e.counters.fpu_issued},
                    {"flops", e.counters.flops},
                    {"fpu_utilisation", ratio(e.counters.fpu_issued, e.cycles)},
                    {"flop_per_cycle", ratio(e.counters.flops, e.cycles)},
                    {"core_stalls", core_stalls},
                    {"fp_stalls", fp_stalls},
                    {"stream_accesses", e.counters.stream_accesses},
                    {"stream_conflicts", e.counters.stream_conflicts},
                    {"core_conflicts", e.counters.core_conflicts},
                    {"tcdm_accessed", e.cluster.tcdm_accessed},
                    {"tcdm_congested", e.cluster.tcdm_congested},
                    {"dma_bytes", e.cluster.dma_bytes},
                    {"dma_busy", e.cluster.dma_busy}});
  }
  return list.dump();
}

}  // namespace snitch

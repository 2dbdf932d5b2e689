// Where the cycles went: by region (regions are cut at every read of mcycle, as the calibration
// programs and the upstream tools do it) or by function symbol.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "counters.h"

namespace snitch {

class Cluster;
class Core;

class Profile {
 public:
  enum class By : uint8_t { region, function };
  explicit Profile(By by) : by_(by) {}

  // Called for every hart and cycle; `pc` is what the hart tried to issue, `issued` whether it did.
  void cycle(const Cluster& cluster, const Core& core, uint32_t pc, bool issued);
  // Closes open regions; call once after the run.
  void finish(const Cluster& cluster);

  std::string text() const;
  std::string json() const;

 private:
  struct Entry {
    std::string name;
    int hart = 0;
    uint64_t cycles = 0;
    Counters counters;  // differences over the entry
    ClusterCounters cluster;
  };
  struct Open {
    bool active = false;
    uint32_t key = 0;
    std::string name;
    uint64_t since = 0;
    Counters counters;
    ClusterCounters cluster;
  };

  void close(const Cluster& cluster, const Core& core, Open& open);
  void open(const Cluster& cluster, const Core& core, Open& open, uint32_t key, std::string name);

  By by_;
  std::vector<Open> open_;
  std::vector<Entry> entries_;
  std::map<std::pair<int, std::string>, size_t> index_;
};

}  // namespace snitch

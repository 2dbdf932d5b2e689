// The reader of machine descriptions; the bundled ones are files too, which the build takes in.
// Every field of Machine is listed once, so that a field that is not in the list cannot be given.
#include "machine.h"

#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "bundled_machines.h"

namespace snitch {
namespace {

using nlohmann::json;

using Setter = std::function<void(Machine&, const json&)>;

template <typename T>
Setter field(T Machine::*member) {
  return [member](Machine& m, const json& value) { m.*member = value.get<T>(); };
}

// Addresses are written as strings ("0x10000000") or as numbers.
Setter address(uint32_t Machine::*member) {
  return [member](Machine& m, const json& value) {
    m.*member = value.is_string()
                    ? static_cast<uint32_t>(std::stoul(value.get<std::string>(), nullptr, 0))
                    : value.get<uint32_t>();
  };
}

const std::map<std::string, Setter>& setters() {
  using M = Machine;
  static const std::map<std::string, Setter> table = {
      {"name", field(&M::name)},
      {"compute_cores", field(&M::compute_cores)},
      {"dm_core", field(&M::dm_core)},
      {"tcdm_base", address(&M::tcdm_base)},
      {"tcdm_size", address(&M::tcdm_size)},
      {"tcdm_banks", field(&M::tcdm_banks)},
      {"alias_base", address(&M::alias_base)},
      {"peripheral_base", address(&M::peripheral_base)},
      {"peripheral_size", address(&M::peripheral_size)},
      {"old_peripherals", field(&M::old_peripherals)},
      {"zero_base", address(&M::zero_base)},
      {"zero_size", address(&M::zero_size)},
      {"dram_base", address(&M::dram_base)},
      {"dram_size", address(&M::dram_size)},
      {"clint_base", address(&M::clint_base)},
      {"div_sqrt", field(&M::div_sqrt)},
      {"scfgri", field(&M::scfgri)},
      {"frep_inner", field(&M::frep_inner)},
      {"frep_depth", field(&M::frep_depth)},
      {"frep_levels", field(&M::frep_levels)},
      {"int_outstanding_loads", field(&M::int_outstanding_loads)},
      {"int_outstanding_memory", field(&M::int_outstanding_memory)},
      {"fp_outstanding", field(&M::fp_outstanding)},
      {"caq_depth", field(&M::caq_depth)},
      {"latency_addmul", field(&M::latency_addmul)},
      {"latency_noncomp", field(&M::latency_noncomp)},
      {"latency_conv", field(&M::latency_conv)},
      {"latency_dotp", field(&M::latency_dotp)},
      {"latency_div_f64", field(&M::latency_div_f64)},
      {"latency_div_f32", field(&M::latency_div_f32)},
      {"latency_div_f16", field(&M::latency_div_f16)},
      {"stream_credits", field(&M::stream_credits)},
      {"index_credits", field(&M::index_credits)},
      {"soc_latency", field(&M::soc_latency)},
      {"l0_lines", field(&M::l0_lines)},
      {"icache_line", field(&M::icache_line)},
      {"l1_size", field(&M::l1_size)},
      {"l1_ways", field(&M::l1_ways)},
      {"l1_latency", field(&M::l1_latency)},
      {"refill_latency", field(&M::refill_latency)},
      {"dma_queue", field(&M::dma_queue)},
      {"dma_latency_in", field(&M::dma_latency_in)},
      {"dma_latency_local", field(&M::dma_latency_local)},
      {"dma_latency_out", field(&M::dma_latency_out)},
      {"dma_half_cycles_row", field(&M::dma_half_cycles_row)},
      {"dma_half_cycles_beat_out", field(&M::dma_half_cycles_beat_out)},
      {"dma_half_cycles_row_out", field(&M::dma_half_cycles_row_out)},
  };
  return table;
}

void set_fields(Machine& machine, const json& description) {
  for (const auto& [key, value] : description.items()) {
    if (key == "base") continue;
    const auto setter = setters().find(key);
    if (setter == setters().end()) throw std::runtime_error("unknown field '" + key + "'");
    setter->second(machine, value);
  }
}

// The files of the folder machines; `default` gives every field, the others what differs.
const std::vector<Machine>& bundled() {
  static const std::vector<Machine> machines = [] {
    std::vector<Machine> all;
    for (const char* text : bundled_descriptions) {
      Machine machine;
      set_fields(machine, json::parse(text));
      all.push_back(machine);
    }
    return all;
  }();
  return machines;
}

bool is_power_of_two(int value) {
  return value > 0 && (value & (value - 1)) == 0;
}

void validate(const Machine& m, const std::string& where) {
  const auto reject = [&](const std::string& what) {
    throw std::runtime_error(where + ": " + what);
  };
  const auto within = [&](const char* name, int value, int low, int high) {
    if (value < low || value > high)
      reject(std::string(name) + " is " + std::to_string(value) + "; give " + std::to_string(low) +
             " to " + std::to_string(high));
  };
  within("compute_cores", m.compute_cores, 1, 9);
  within("frep_depth", m.frep_depth, 1, 64);
  within("frep_levels", m.frep_levels, 1, 4);
  within("stream_credits", m.stream_credits, 2, 8);
  within("fp_outstanding", m.fp_outstanding, 1, 8);
  within("caq_depth", m.caq_depth, 1, 8);
  within("l0_lines", m.l0_lines, 2, 16);
  within("l1_ways", m.l1_ways, 1, 8);
  within("soc_latency", m.soc_latency, 2, 1000);
  for (const int latency : {m.latency_addmul, m.latency_noncomp, m.latency_conv, m.latency_dotp})
    within("an FPU latency", latency, 1, 4);
  if (!is_power_of_two(m.frep_depth)) reject("frep_depth must be a power of two");
  if (!is_power_of_two(m.tcdm_banks) || m.tcdm_banks < 8 || m.tcdm_banks > 64)
    reject("tcdm_banks must be 8, 16, 32 or 64");
  if (m.tcdm_size == 0 || m.tcdm_size % 0x10000 || m.tcdm_base % 0x10000 || m.alias_base % 0x10000)
    reject("tcdm_base, alias_base and tcdm_size must be multiples of 64 KiB");
  if (!is_power_of_two(m.icache_line) || m.icache_line < 16 || m.icache_line > 256)
    reject("icache_line must be a power of two from 16 to 256");
  if (m.l1_size < m.icache_line * m.l1_ways || !is_power_of_two(m.l1_size / m.l1_ways))
    reject("l1_size must be a power of two times l1_ways and hold a line in each way");
}

}  // namespace

bool find_machine(const std::string& name, Machine& machine) {
  for (const Machine& candidate : bundled()) {
    if (candidate.name != name) continue;
    machine = candidate;
    return true;
  }
  return false;
}

std::vector<std::string> machine_names() {
  std::vector<std::string> names;
  for (const Machine& machine : bundled()) names.push_back(machine.name);
  return names;
}

Machine load_machine(const std::string& name_or_path) {
  Machine machine;
  if (find_machine(name_or_path, machine)) return machine;
  std::ifstream file(name_or_path);
  if (!file)
    throw std::runtime_error(name_or_path +
                             ": neither a bundled machine nor a readable file; give " +
                             "default, 4+1, 1+1, fdiv, 2024 or a JSON file");
  try {
    const json description = json::parse(file);
    if (description.contains("base") &&
        !find_machine(description["base"].get<std::string>(), machine))
      throw std::runtime_error("base '" + description["base"].get<std::string>() +
                               "' is no bundled machine");
    set_fields(machine, description);
  } catch (const std::exception& error) {
    throw std::runtime_error(name_or_path + ": " + error.what());
  }
  validate(machine, name_or_path);
  return machine;
}

}  // namespace snitch

// A machine is numbers: memories and their sizes, lanes, latencies, data movers. No behaviour and
// no decisions by name: a pass that wants to know how far to unroll asks for a number.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mlfc {

struct Memory {
  std::string name = {};
  int64_t bytes = -1;        ///< upper bound; -1: as much as needed
  bool is_constant = false;  ///< may only hold constants
};

struct Machine {
  std::string name = "host";
  int vector_bytes = 16;  ///< width of one vector register; 4: no vectors
  int vector_registers = 16;
  int scalar_registers = 16;  ///< floating-point registers when there are no vectors
  int fpu_latency = 4;        ///< cycles until a dependent operation may start
  int cores = 1;
  bool has_fpu = true;
  bool has_fma = false;          ///< multiplies and adds f32 in one instruction, rounding once
  bool has_fast_f64 = false;     ///< the same for f64, as fast
  int integer_multiply_add = 1;  ///< instructions of an i32 multiply-add
  int dot_bytes = 1;             ///< byte products one instruction adds into each 32-bit lane
  int64_t cache_bytes = 32 * 1024;  ///< what an inner tile should fit in
  /// Where workspace may live, in order of preference.
  std::vector<Memory> memories = {};
  int64_t workspace_alignment = 16;
  int64_t constant_alignment = 16;
};

}  // namespace mlfc

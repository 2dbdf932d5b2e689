// Target c: portable C99 for a host or any bare-metal machine with a C compiler.
//
// The C compiler's own flags decide the instruction set, so the machine's numbers are guesses to
// aim at: vector lanes for ordinary CPUs, a scalar FPU for small RISC-V and Cortex-M cores.
#include "codegen/c/c_function.h"
#include "codegen/c/schedule.h"
#include "codegen/target.h"

namespace mlfc {
namespace {

bool names_scalar_core(const TargetAttributes& attributes) {
  for (const char* key : {"mcpu", "march", "device", "model"}) {
    const auto found = attributes.find(key);
    if (found == attributes.end()) continue;
    const std::string& text = found->second;
    const bool vectors = text.find('v', text.find("rv") + 4) != std::string::npos;
    if (text.find("cortex-m") != std::string::npos) return true;
    if (text.starts_with("rv32") || text.starts_with("rv64")) return !vectors;
  }
  return false;
}

std::string march_of(const TargetAttributes& attributes) {
  const auto found = attributes.find("march");
  return found == attributes.end() ? "" : found->second;
}

bool names_riscv(const TargetAttributes& attributes) {
  const std::string march = march_of(attributes);
  return march.starts_with("rv32") || march.starts_with("rv64");
}

// rv32imac has no f, rv32imafc and rv32gc do. Extensions of several letters come after a _.
bool names_extension(const TargetAttributes& attributes, std::string_view letters) {
  if (!names_riscv(attributes)) return false;
  const std::string march = march_of(attributes);
  return march.substr(4, march.find('_') - 4).find_first_of(letters) != std::string::npos;
}

Machine machine(const TargetAttributes& attributes) {
  Machine host{.name = "host", .vector_bytes = 32, .vector_registers = 16, .dot_bytes = 4};
  if (!names_scalar_core(attributes)) return host;
  Machine scalar{.name = "scalar", .vector_bytes = 4, .scalar_registers = 32, .cache_bytes = 0};
  scalar.has_fpu = !names_riscv(attributes) || names_extension(attributes, "fdg");
  scalar.has_fma = names_riscv(attributes) && scalar.has_fpu;
  scalar.has_fast_f64 = names_extension(attributes, "dg");
  scalar.integer_multiply_add = names_riscv(attributes) ? 2 : 1;
  return scalar;
}

const Target target{
    .name = "c",
    .summary = "Portable C99 for hosts and bare-metal cores.",
    .attributes = {"mcpu", "march", "workspace-byte-alignment", "constants-byte-alignment"},
    .machine = machine,
    .schedule = choose_c_schedule,
    .finish = nullptr,
    .emit = emit_c_function,
};
const RegisteredTarget registered{target};

}  // namespace
}  // namespace mlfc

// Writes trace lines. Values are raw bits: the reader of a trace looks for the bit that is wrong.
#include "trace.h"

#include <stdexcept>

namespace snitch {

Trace::Trace(const std::string& path) : file_(std::fopen(path.c_str(), "w")) {
  if (!file_) throw std::runtime_error(path + ": cannot be written");
  std::fprintf(
      file_, "# cycle hart pc instruction ; operands (fp: issue cycle first, core cycle behind)\n");
}

Trace::~Trace() {
  std::fclose(file_);
}

void Trace::core_issue(uint64_t cycle, const Hart& hart, uint32_t pc, const Instruction& i,
                       uint32_t a, uint32_t b) {
  std::fprintf(file_, "%10llu %2d 0x%08x %-36s ;", static_cast<unsigned long long>(cycle), hart.id,
               pc, disassemble(i, pc).c_str());
  if (i.has(reads_x1)) std::fprintf(file_, " rs1=%08x", a);
  if (i.has(reads_x2)) std::fprintf(file_, " rs2=%08x", b);
  std::fputc('\n', file_);
}

void Trace::fp_issue(uint64_t cycle, const Hart& hart, const Offload& offload, const Instruction& i,
                     bool repeated, const FpOperands& values, uint64_t result) {
  std::fprintf(file_, "%10llu %2d 0x%08x %-36s ; fp core=%llu%s",
               static_cast<unsigned long long>(cycle), hart.id, offload.pc,
               disassemble(i, offload.pc).c_str(), static_cast<unsigned long long>(offload.cycle),
               repeated ? " repeated" : "");
  const auto show = [&](const char* name, uint64_t value) {
    std::fprintf(file_, " %s=%016llx", name, static_cast<unsigned long long>(value));
  };
  const bool memory = i.unit == Unit::fp_load || i.unit == Unit::fp_store;
  if (memory) std::fprintf(file_, " address=%08x", offload.address);
  if (!memory && i.has(reads_x1)) std::fprintf(file_, " rs1=%08x", offload.a);
  if (i.has(reads_f1)) show("rs1", values.a);
  if (i.has(reads_f2)) show("rs2", values.b);
  if (i.has(reads_f3)) show("rs3", values.c);
  if (i.has(reads_fd)) show("old", values.c);
  if (i.unit == Unit::fpu) show("rd", result);
  std::fputc('\n', file_);
}

}  // namespace snitch

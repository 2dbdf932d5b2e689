// Instructions that multiply unsigned by signed bytes and add the products to 32-bit lanes, four
// in each: as loops say it, and as a C function for the machines that have them.
#pragma once

#include <optional>

#include "codegen/c/c_instructions.h"

namespace mlfc {

/// sums[lane] += data[0..4] . weights[4 * lane ..], for a multiple of four lanes: outputs side by
/// side that share their data.
Instruction dot4(int64_t lanes);

/// sums[lane + k * lanes] += data[4 * lane + k] * weights[4 * lane + k], for a multiple of four
/// lanes and k below 4: channels side by side that share nothing. Each product is one of four that
/// the machine could add, the others being made 0; neighbours are `lanes` sums apart.
Instruction multiply4(int64_t lanes);

/// The instruction that may compute a nest of this shape; nullopt when there is none.
std::optional<Instruction> candidate_for(const Stmt& nest);

}  // namespace mlfc

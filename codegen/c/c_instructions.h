// Hardware instructions that no C compiler finds by itself. An instruction is declared as the loop
// nest that says what it means and a static C function that computes it, with the intrinsics of the
// machine where the compiler offers them and in plain C elsewhere. The printer writes a call of the
// function where it would have written such a nest; schedules make nests of that form.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ir/affine.h"
#include "ir/loop.h"

namespace mlfc {

struct Instruction {
  std::string name = {};             ///< of the C function
  std::vector<Param> operands = {};  ///< one-dimensional; the last one is accumulated into
  Stmt meaning = {};                 ///< loops over the operands
  std::string c_source = {};         ///< the C function, its parameters in the order of operands
};

/// What the instruction's operand is here: a tensor from a place on.
struct Operand {
  std::string tensor = {};
  Expr place = {};
};

/// Where an element of a tensor is stored.
using PlaceOf = std::function<Expr(const std::string& tensor, const std::vector<Expr>& indices)>;

/// The operands when `nest` is what the instruction means; their dtypes are compared with `types`.
std::optional<std::vector<Operand>> matched(
    const Instruction& instruction, const Stmt& nest, const PlaceOf& place_of,
    const std::function<DType(const std::string&)>& dtype_of);

}  // namespace mlfc

// The decoder's table, open to the disassembler and to tests that want to visit every instruction.
#pragma once

#include <string>
#include <vector>

#include "instruction.h"

namespace snitch {

// One instruction: bits that must match, what it is called and what it does.
struct Row {
  std::string name;
  uint32_t mask = 0;
  uint32_t match = 0;
  Op op = Op::illegal;
  Unit unit = Unit::illegal;
  uint32_t traits = 0;
  Format source = Format::none;
  Format result = Format::none;
  Group group = Group::addmul;
  Feature feature = Feature::base;
};

// All rows, families expanded to one row per format.
const std::vector<Row>& decoder_rows();

}  // namespace snitch

// A line of the instruction table as it is written in instruction_table.cpp, before families are
// expanded to one row per format.
#pragma once

#include <vector>

#include "instruction.h"

namespace snitch {

struct TableLine {
  const char* name;
  const char* pattern;
  Op op;
  Unit unit;
  uint32_t traits = 0;
  Format source = Format::none;
  Format result = Format::none;
  Group group = Group::addmul;
  Feature feature = Feature::base;
};

const std::vector<TableLine>& instruction_table();

}  // namespace snitch

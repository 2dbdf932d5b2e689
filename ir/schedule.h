// A schedule is data: a list of small words that say how a kernel's loops run on a machine. It can
// be printed, stored, searched and replayed. An empty schedule is always legal. A schedule can make
// a kernel slow or be rejected; it can never make it wrong. Legality lives here, in one place;
// profit (which words to choose) lives in the targets.
//
//   split a n            axis a becomes a.o (outer) and a.i (inner, extent n; a last partial block
//                        gets loops of its own)
//   order a b c ...      nesting of the stage's loops, outermost first; axes not named stay outside
//                        in their declared order. Parallel axes inside a reduced axis multiply the
//                        accumulators; of a split one, only a.i may stand there
//   unroll a             write the loop out
//   lanes a              the loop runs in vector lanes; a reduced axis only where integers are
//                        reduced, whose order does not matter
//   cores a              the axis is dealt out to the cores
//   stage v at a in m [double]   a copy of the part of v that one turn of a needs lives in memory m
//   stream v ...         accesses become hardware streams
//   frep a ...           the loops become one hardware loop
//   call f               the whole kernel is the library function f
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mlfc {

struct Kernel;

enum class WordKind : uint8_t { split, order, unroll, lanes, cores, stage, stream, frep, call };

struct Word {
  WordKind kind = WordKind::split;
  std::vector<std::string> names =
      {};                   ///< axes (split, order, ...), values (stage, stream), function
  int64_t amount = 0;       ///< split: the inner extent
  std::string at = {};      ///< stage: axis, or "start"
  std::string memory = {};  ///< stage
  bool is_double = false;   ///< stage: two buffers, one being filled
};

struct Schedule {
  std::vector<Word> words = {};
  bool empty() const { return words.empty(); }
};

Word split_word(std::string axis, int64_t amount);
Word order_word(std::vector<std::string> axes);
Word unroll_word(std::string axis);
Word lanes_word(std::string axis);

std::string to_text(const Word& word);

/// Why the schedule does not fit the kernel, in words; empty when it is legal.
std::string why_illegal(const Schedule& schedule, const Kernel& kernel);

}  // namespace mlfc

// Runs the programs of golden files: what their kernels compute, what the finished loops compute
// and what compiled C computes must be the same numbers.
//
//   golden_runs FILE...
//
// Cases that show a refusal are left out, and so are those that cannot become an archive; how many
// ran is printed, and a file without any is fine.
#include <algorithm>
#include <iostream>
#include <random>

#include "frontend/data/compare.h"
#include "ir/error.h"
#include "ir/interpret.h"
#include "tests/compiled.h"
#include "tests/golden/golden.h"

namespace mlfc {
namespace {

/// Small numbers. Wide integers may be indices, and others divide: none is 0.
std::vector<Tensor> inputs_of(const Graph& graph) {
  std::mt19937 random(17);
  std::vector<Tensor> inputs;
  for (const Value* input : graph.inputs) {
    Tensor tensor(input->type.plain());
    for (int64_t i = 0; i < tensor.type.elements(); ++i) {
      if (is_float(tensor.type.dtype)) {
        tensor.set_real(i, static_cast<double>(random() % 2001) / 1000 - 1);
      } else {
        const bool is_narrow = bytes_of(tensor.type.dtype) <= 2;
        const auto number = static_cast<int64_t>(random() % 100) + 1;
        tensor.set_integer(i, is_narrow ? number : 1);
      }
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

/// A program of the first stage, or of kernels, with everything it reads.
bool is_program(const GoldenCase& golden) {
  return golden.input.find("graph ") != std::string::npos &&
         golden.input.find("\n  proc ") == std::string::npos &&
         !golden.expected.starts_with("error:");
}

/// What disagrees; empty when nothing does.
std::string disagreement(const Graph& kernels, const Graph& loops) {
  const std::vector<Tensor> inputs = inputs_of(kernels);
  const std::vector<Tensor> wanted = interpret(kernels, inputs);
  const std::vector<Tensor> from_loops = interpret(loops, inputs);
  const std::vector<Tensor> from_c = run_as_c(loops, {}, inputs);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const std::string name = "output '" + kernels.outputs[i]->name + "' ";
    const std::string in_loops = compare(from_loops[i], wanted[i], {}).problem;
    if (!in_loops.empty()) return "loops: " + name + in_loops;
    const std::string in_c = compare(from_c[i], wanted[i], {}).problem;
    if (!in_c.empty()) return "C: " + name + in_c;
  }
  return "";
}

struct Count {
  int agreed = 0, failed = 0, left_out = 0;
};

void run_case(const std::string& path, const GoldenCase& golden, Count& count) {
  if (!is_program(golden)) {
    ++count.left_out;
    return;
  }
  std::unique_ptr<Graph> kernels, loops;
  std::string problem;
  try {
    kernels = compiled(golden.input, {}, "tabulate");
    loops = compiled(golden.input, {});
  } catch (const std::exception&) {
    ++count.left_out;
    return;
  }
  try {
    problem = disagreement(*kernels, *loops);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  ++(problem.empty() ? count.agreed : count.failed);
  if (!problem.empty()) {
    std::cout << path << ":" << golden.line << ": " << golden.title << ": " << problem << "\n";
  }
}

int run(const std::vector<std::string>& paths) {
  Count count;
  for (const std::string& path : paths) {
    for (const GoldenCase& golden : read_golden(path).cases) run_case(path, golden, count);
  }
  std::cout << count.agreed << " agree, " << count.failed << " differ, " << count.left_out
            << " left out\n";
  return count.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace mlfc

int main(int count, char** words) {
  return mlfc::run({words + 1, words + count});
}

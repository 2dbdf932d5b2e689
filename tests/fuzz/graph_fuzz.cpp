// Random graphs: what the operators' kernels compute, what the finished loops compute and what
// compiled C computes must be the same numbers. Many graphs lie side by side in one program, so
// that a thousand of them cost forty runs of the C compiler. Machines and options change from
// program to program.
//
//   graph_fuzz [--seed N] [--runs N] [quantized]   N graphs; a failing one is printed
// One graph repeats with --seed N --only I.
//
// Of quantized graphs the reference is what is left when kernels compute with integers: from there
// on every bit is promised. Before, reals are rounded in other places; there, results have to be
// the same but for a step now and then.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "frontend/data/compare.h"
#include "ir/error.h"
#include "ir/interpret.h"
#include "ir/value_range.h"
#include "tests/compiled.h"
#include "tests/fuzz/limits.h"
#include "tests/fuzz/random_graph.h"

namespace mlfc {
namespace {

constexpr int graphs_in_program = 25;

struct Setup : CompiledSetup {
  bool quantized = false;
  uint64_t seed = 0;  ///< of the inputs
  std::string text() const {
    return fmt::format("march '{}', layout '{}', requantize {}, {} {}", march,
                       options.desired_layout, options.requantize, optimisation,
                       fmt::join(flags, " "));
  }
};

Setup random_setup(uint64_t seed, bool quantized) {
  std::mt19937_64 random(seed);
  Setup setup;
  setup.quantized = quantized;
  setup.seed = seed;
  constexpr const char* marches[] = {"", "", "rv32imac", "rv32imafc", "rv32imafdc"};
  setup.march = marches[random() % std::size(marches)];
  if (random() % 4 == 0) setup.options.desired_layout = "NCHW";
  if (random() % 2 == 0) setup.options.requantize = "fixed";
  if (random() % 3 == 0) {
    setup.optimisation = "-O3";
    setup.flags = {"-march=native"};
    // What a compiler contracts on its own is not for us to follow; where reals become integers,
    // the C itself forbids it.
    if (!quantized) setup.flags.push_back("-ffp-contract=off");
  }
  // Also where nobody looks at the result, C may not compute what C does not define.
  if (random() % 4 == 0) {
    setup.optimisation = "-O1";
    setup.flags = {"-fsanitize=undefined", "-fno-sanitize-recover"};
  }
  return setup;
}

std::vector<Tensor> inputs_of(const Graph& graph, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Tensor> inputs;
  for (const Value* input : graph.inputs) {
    Tensor tensor(input->type.plain());
    const std::optional<Range> range = dtype_range(tensor.type.dtype);
    const bool extreme = range && random() % 4 == 0;
    for (int64_t i = 0; i < tensor.type.elements(); ++i) {
      if (!range) {
        tensor.set_real(i, static_cast<double>(random() % 2001) / 1000 - 1);
      } else if (extreme) {
        tensor.set_integer(i, random() % 4 == 0 ? range->first : range->last);
      } else {
        const auto count = static_cast<uint64_t>(range->last - range->first + 1);
        tensor.set_integer(i, range->first + static_cast<int64_t>(random() % count));
      }
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

/// Rounding elsewhere moves a result by a step here and there; a wrong layer moves most, or far.
/// Fixed point rounds halves up, and where a scale is twice another every second number is one:
/// there, steps are those of 8 bits, for a finer layer after a coarse one makes many of each. A few
/// different values may all be halves.
std::string far_apart(const Tensor& got, const Tensor& want, bool fixed) {
  const Range range = *dtype_range(want.type.dtype);
  const int64_t step = fixed ? std::max<int64_t>(1, (range.last - range.first) / 255) : 1;
  const int64_t most = (fixed ? 4 : 3) * step;
  const int64_t elements = want.type.elements();
  constexpr size_t few_values = 8;
  int64_t moved = 0, far = 0, first = 0;
  std::set<int64_t> values;
  for (int64_t i = 0; i < elements; ++i) {
    values.insert(want.integer(i));
    const int64_t distance = std::abs(got.integer(i) - want.integer(i));
    if (distance > most && far++ == 0) first = i;
    moved += distance >= step ? 1 : 0;
  }
  const int64_t most_moved =
      values.size() < few_values ? elements : 4 + elements / (fixed ? 2 : 10);
  if (far <= 1 + elements / 50 && moved <= most_moved) return "";
  return fmt::format("{} of {} elements differ, {} by more than {}; element {} is {}, expected {}",
                     moved, elements, far, most, first, got.integer(first), want.integer(first));
}

/// The largest change of a tensor when every input of the model changes in its last digits: what
/// rounding elsewhere may do to it. Norms of values that are nearly alike magnify a lot.
std::vector<double> sensitivities(const Graph& graph, const std::vector<Tensor>& inputs,
                                  const std::vector<Tensor>& results) {
  std::vector<Tensor> shaken = inputs;
  for (Tensor& tensor : shaken) {
    if (!is_float(tensor.type.dtype)) continue;
    for (int64_t i = 0; i < tensor.type.elements(); ++i) {
      tensor.set_real(i, tensor.real(i) * (i % 3 == 0 ? 1 + 0x1p-20 : 1 - 0x1p-20));
    }
  }
  const std::vector<Tensor> moved = interpret(graph, shaken);
  std::vector<double> all;
  for (size_t k = 0; k < results.size(); ++k) {
    double largest = 0;
    for (int64_t i = 0; is_float(results[k].type.dtype) && i < results[k].type.elements(); ++i) {
      const double distance = std::fabs(moved[k].real(i) - results[k].real(i));
      if (std::isfinite(distance)) largest = std::max(largest, distance);
    }
    all.push_back(largest);
  }
  return all;
}

/// What does not agree; empty when all does.
std::string disagreement(const std::string& text, const Setup& setup) {
  const std::unique_ptr<Graph> written = compiled(text, setup, "infer-types");
  const std::unique_ptr<Graph> kernels =
      compiled(text, setup, setup.quantized ? "tabulate" : "infer-types");
  const std::unique_ptr<Graph> loops = compiled(text, setup);
  const std::vector<Tensor> inputs = inputs_of(*written, setup.seed);
  const std::vector<Tensor> wanted = interpret(*kernels, inputs);
  const std::vector<Tensor> from_loops = interpret(*loops, inputs);
  const std::vector<Tensor> from_c = run_as_c(*loops, setup, inputs);
  const std::vector<Tensor> from_reals =
      setup.quantized ? interpret(*written, inputs) : std::vector<Tensor>();
  const std::vector<double> sensitive = sensitivities(*kernels, inputs, wanted);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const std::string name = kernels->outputs[i]->name;
    const Tolerance tolerance{1e-4, 1e-5 + (setup.quantized ? 0 : 16 * sensitive[i])};
    const bool fixed = setup.options.requantize == "fixed";
    const std::string in_kernels =
        setup.quantized ? far_apart(wanted[i], from_reals[i], fixed) : "";
    if (!in_kernels.empty()) return "integers: output '" + name + "' " + in_kernels;
    const std::string in_loops = compare(from_loops[i], wanted[i], tolerance).problem;
    if (!in_loops.empty()) return "loops: output '" + name + "' " + in_loops;
    const std::string in_c = compare(from_c[i], wanted[i], tolerance).problem;
    if (!in_c.empty()) return "C: output '" + name + "' " + in_c;
  }
  return "";
}

/// Nothing thrown: a refusal of what type inference accepted is a finding, too.
std::string problem_of(const std::vector<fuzz::GraphText>& graphs, const Setup& setup) {
  try {
    return disagreement(fuzz::program_of(graphs), setup);
  } catch (const std::exception& error) {
    return error.what();
  }
}

/// Runs the graphs from `first` to `end` as one program; those at fault again, one by one.
bool all_agree(const fuzz::Arguments& arguments, int first, int end, const Setup& setup) {
  const auto random = setup.quantized ? fuzz::random_quantized_graph : fuzz::random_graph;
  std::vector<fuzz::GraphText> graphs;
  for (int i = first; i < end; ++i) {
    graphs.push_back(random(fmt::format("g{}", i), arguments.seed + i));
  }
  fuzz::begin_input(fmt::format("graphs from {}", first));
  const std::string problem = problem_of(graphs, setup);
  if (problem.empty()) return true;
  bool found = false;
  for (int i = first; i < end && end - first > 1; ++i)
    found |= !all_agree(arguments, i, i + 1, setup);
  if (found) return false;
  std::cout << (end - first > 1 ? "only together, from graph " : "graph ") << first << ": "
            << problem << "\n# " << setup.text() << "\n"
            << fuzz::program_of(graphs) << std::endl;
  return false;
}

int run(const fuzz::Arguments& arguments) {
  const bool quantized = !arguments.files.empty() && arguments.files[0] == "quantized";
  std::cout << "seed " << arguments.seed << ", " << arguments.runs
            << (quantized ? " quantized" : "") << " graphs" << std::endl;
  int bad = 0;
  for (int first = 0; first < arguments.runs && bad < 5; first += graphs_in_program) {
    const Setup setup = random_setup(arguments.seed + first, quantized);
    const int end = std::min(first + graphs_in_program, arguments.runs);
    const int only = arguments.only;
    if (only >= 0 && (only < first || only >= end)) continue;
    const bool good = only < 0 ? all_agree(arguments, first, end, setup)
                               : all_agree(arguments, only, only + 1, setup);
    bad += good ? 0 : 1;
  }
  std::cout << (bad == 0 ? "all agree" : "some disagree") << std::endl;
  return bad == 0 ? 0 : 1;
}

}  // namespace
}  // namespace mlfc

int main(int count, char** words) {
  mlfc::fuzz::watch_signals();
  return mlfc::run(mlfc::fuzz::parse_arguments(count, words, std::random_device()()));
}

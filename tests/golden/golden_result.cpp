// Runs one golden case: prints what it reads (print), the problems the verifier finds (verify), the
// kernels operators give (ops), or the program after the pass the file is named after. Every
// program is verified before and after, and what is printed must read back as itself.
#include <algorithm>
#include <map>
#include <sstream>

#include "ir/error.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "passes/pass.h"
#include "passes/quantize/equalize.h"
#include "passes/quantize/insert.h"
#include "passes/quantize/switches.h"
#include "passes/quantize/widen.h"
#include "tests/golden/golden.h"

namespace mlfc {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

// Prints through the parser: a program that does not survive its own text is a failure of its own.
std::string printed(const Graph& graph) {
  const std::string text = to_text(graph);
  const std::string again = to_text(*parse_graph(text));
  check(text == again, "the printed program reads back as another one:\n", text, "and then\n",
        again);
  return text;
}

std::unique_ptr<Graph> parsed(const std::string& text) {
  std::unique_ptr<Graph> graph = parse_graph(text);
  const std::vector<std::string> found = problems(*graph);
  if (!found.empty()) fail("", "the program is not well formed", joined(found));
  return graph;
}

// Options a case asks for in comments of its input: "#: desired_layout NHWC".
Options options_of(const std::string& input) {
  Options options;
  const auto value_of = [&](const std::string& key) -> std::string {
    const std::string line = "#: " + key + " ";
    const size_t begin = input.find(line);
    if (begin == std::string::npos) return "";
    const size_t start = begin + line.size();
    return input.substr(start, input.find('\n', start) - start);
  };
  options.desired_layout = value_of("desired_layout");
  options.io_in_workspace = value_of("io_in_workspace") == "true";
  if (value_of("plan_workspace") == "false") options.plan_workspace = false;
  if (value_of("requantize") == "fixed") options.requantize = "fixed";
  return options;
}

void run_pass(Graph& graph, const std::string& name, const Options& options) {
  const Pass* pass = find_pass(name);
  check(pass != nullptr, "there is no pass '", name, "'");
  const Machine machine;
  pass->run(graph, {machine, options});
  verify(graph, name);
}

std::string print_result(const std::string& input) {
  // Work without a graph around it is legal text, too.
  const auto begins = [&](const char* keyword) { return input.rfind(keyword, 0) == 0; };
  if (begins("kernel ")) {
    const std::string text = to_text(parse_kernel(input));
    check(text == to_text(parse_kernel(text)), "the kernel reads back as another one");
    return text;
  }
  if (begins("proc ")) {
    const std::string text = to_text(parse_proc(input));
    check(text == to_text(parse_proc(text)), "the proc reads back as another one");
    return text;
  }
  return printed(*parse_graph(input));
}

std::string verify_result(const std::string& input) {
  const auto begins = [&](const char* keyword) { return input.rfind(keyword, 0) == 0; };
  const std::vector<std::string> found = begins("kernel ") ? problems(parse_kernel(input))
                                         : begins("proc ") ? problems(parse_proc(input))
                                                           : problems(*parse_graph(input));
  std::string text = found.empty() ? "well formed\n" : "";
  for (const std::string& problem : found) text += problem + "\n";
  return text;
}

// The kernels of a program's nodes; what has none (a call, say) prints as it is, and what is known
// at compile time leaves a program of constants.
std::string ops_result(const std::string& input) {
  const std::unique_ptr<Graph> graph = parsed(input);
  run_pass(*graph, "infer-types", {});
  run_pass(*graph, "expand-operators", {});
  run_pass(*graph, "lower-to-kernels", {});
  const std::string program = printed(*graph);
  if (graph->nodes.empty()) return program;
  std::string text;
  for (const auto& node : graph->nodes) {
    text += node->kernel ? to_text(*node->kernel) : to_text(*node) + "\n";
  }
  return text;
}

std::string pass_result(const std::string& input, std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  const std::unique_ptr<Graph> graph = parsed(input);
  run_pass(*graph, name, options_of(input));
  return printed(*graph);
}

// What the quantizer is told by comments: every value lies in [-1, 1] unless one says
// "#: range NAME LOWEST HIGHEST"; others are options.
struct Quantizing {
  QuantizeOptions options = {};
  Plan plan = {};
  std::map<std::string, Parameters> parameters = {};
};

Quantizing quantizing(const Graph& graph, const std::string& input) {
  Quantizing result;
  QuantizeOptions& options = result.options;
  std::map<std::string, Histogram> histograms;
  const Interval usual{-1, 1};
  for (const auto& value : graph.values) histograms[value->name] = Histogram(usual, 1);
  std::istringstream lines(input);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string mark, key, name;
    words >> mark >> key >> name;
    if (mark != "#:") continue;
    if (key == "range") words >> histograms[name].range.lowest >> histograms[name].range.highest;
    if (key == "integer_io") options.integer_io = true;
    if (key == "per_tensor") options.per_channel = false;
    if (key == "int16") options.int16.insert(name);
    if (key == "keep_float") options.keep_float.insert(name);
  }
  result.plan = plan_quantization(graph, options);
  result.parameters = choose_parameters(result.plan, histograms, options);
  return result;
}

std::string names(const std::string& head, const std::vector<std::string>& words) {
  return words.empty() ? "" : fmt::format("{}: {}\n", head, fmt::join(words, ", "));
}

// What is stored in which type and steps, what is wanted but part of a kernel, and so on.
std::string plan_text(const Quantizing& quantizing) {
  const Plan& plan = quantizing.plan;
  std::string text;
  for (const std::string& value : plan.stored) {
    const Parameters& parameters = quantizing.parameters.at(value);
    text += fmt::format("stored: {} as {}, {:.4g} a step, zero at {}\n", value,
                        to_text(parameters.dtype), parameters.scale, parameters.zero_point);
  }
  std::vector<std::string> inner;
  for (const std::string& value : plan.wanted) {
    if (!plan.stores(value)) inner.push_back(value);
  }
  text += names("inside kernels", inner);
  text += names("contractions", {plan.contractions.begin(), plan.contractions.end()});
  for (const Movement& movement : plan.movements) {
    text += fmt::format("moved: {} -> {}\n", fmt::join(movement.from, ", "),
                        fmt::join(movement.to, ", "));
  }
  return text.empty() ? "nothing\n" : text;
}

std::string switched(const Graph& graph, const Quantizing& quantizing) {
  const SwitchedGraph result =
      with_switches(graph, quantizing.plan, quantizing.parameters, quantizing.options);
  verify(*result.graph, "switches");
  std::string text;
  for (size_t i = 0; i < result.sources.size(); ++i) {
    const NoiseSource& source = result.sources[i];
    text +=
        fmt::format("switch_{}: {}{}, {} numbers\n", i + 1, source.is_weights ? "weights of " : "",
                    fmt::join(source.values, ", "), source.elements);
  }
  return text + printed(*result.graph);
}

std::string quantize_result(const std::string& input, const std::string& name) {
  const std::unique_ptr<Graph> graph = parsed(input);
  if (name == "plan") return plan_text(quantizing(*graph, input));
  if (name == "switches") return switched(*graph, quantizing(*graph, input));
  if (name == "insert") {
    const Quantizing how = quantizing(*graph, input);
    insert_quantization(*graph, how.plan, how.parameters, how.options);
  } else if (name == "equalize") {
    equalize_weights(*graph);
  } else if (name == "widen") {
    widen_reals(*graph);
  } else {
    check(false, "tests/golden/quantize shows no '", name, "'");
  }
  verify(*graph, name);
  return printed(*graph);
}

}  // namespace

std::string golden_result(const GoldenFile& file, const GoldenCase& golden) {
  try {
    if (file.folder == "print") return print_result(golden.input);
    if (file.folder == "verify") return verify_result(golden.input);
    if (file.folder == "quantize") return quantize_result(golden.input, file.name);
    if (file.folder == "ops") return ops_result(golden.input);
    return pass_result(golden.input, file.name);
  } catch (const UserError& error) {
    return "error: " + std::string(error.what()) + "\n";
  }
}

}  // namespace mlfc

// `mlfc opt`: program text of any stage in, passes by name, program text out. The text is what
// `mlfc compile --stop-after STEP` prints.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "frontend/cli/compilation.h"
#include "frontend/cli/plugins.h"
#include "frontend/cli/subcommand.h"
#include "frontend/data/file.h"
#include "frontend/onnx/export.h"
#include "ir/error.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"

namespace mlfc {
namespace {

Syntax syntax() {
  Syntax syntax{
      .command = "mlfc opt",
      .summary =
          "Reads program text or an ONNX model, runs passes by name in the given order, "
          "prints the text. FILE may be - for standard input. 'mlfc opt --list' names all passes.",
      .positional = "FILE"};
  syntax.groups.push_back(
      {"passes",
       {{.name = "--passes", .value = "A,B", .help = "Passes to run, in order."},
        {.name = "--list", .help = "List all passes and stop."},
        {.name = "--elide-data", .help = "Leave the bytes of large constants out of the text."},
        {.name = "--output",
         .short_name = "-o",
         .value = "FILE",
         .help = "Where to write the text (default: standard output), or an ONNX model when "
                 "FILE ends in .onnx."}}});
  for (OptionGroup& group : compile_options()) {
    std::erase_if(group.options, [](const OptionSpec& option) {
      return option.name == "--elide-data" || option.name == "--stop-after";
    });
    syntax.groups.push_back(std::move(group));
  }
  syntax.groups.push_back(common_options());
  return syntax;
}

int list_passes() {
  static constexpr const char* kLevels[] = {"graph", "kernel", "loop", "memory"};
  for (const Pass* pass : passes()) {
    fmt::print("{:<20} {:<7} {}\n", pass->name, kLevels[static_cast<int>(pass->level)],
               pass->summary);
  }
  return 0;
}

std::string read_text(const std::string& path) {
  if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path, "cannot be read; give program text, or - for standard input");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> split_names(const std::vector<std::string>& lists) {
  std::vector<std::string> names;
  for (const std::string& list : lists) {
    std::string name;
    for (const char c : list + ",") {
      if (c != ',') {
        name += c;
      } else if (!name.empty()) {
        names.push_back(std::move(name));
        name.clear();
      }
    }
  }
  return names;
}

// What is wrong with the text is the user's to mend, not a bug of ours.
void check_program(const Graph& graph, const std::string& path) {
  const std::vector<std::string> found = problems(graph);
  if (!found.empty()) fail(path, "the program is not well formed: ", found.front());
}

/// How an operator is written depends on types, which a program as imported does not have yet.
int write_onnx(Graph& graph, const Request& request, const Arguments& arguments) {
  run_named_passes(graph, request, machine_of(request), {"infer-types"});
  write_file(arguments.text("--output"), export_onnx(graph));
  return 0;
}

/// Program text, or a model as it is imported.
std::unique_ptr<Graph> read_program(const Request& request, const std::string& path) {
  if (!path.ends_with(".onnx")) return parse_graph(read_text(path));
  Request reading = request;
  reading.file = path;
  return load_model(reading);
}

int run(const Arguments& arguments) {
  const Request request = parse_request(arguments);
  if (arguments.has("--list")) return list_passes();
  const std::string& path = arguments.file();
  const std::unique_ptr<Graph> graph = read_program(request, path);
  check_program(*graph, path);
  run_named_passes(*graph, request, machine_of(request), split_names(arguments.all("--passes")));
  if (arguments.text("--output").ends_with(".onnx")) return write_onnx(*graph, request, arguments);
  const std::string text = to_text(*graph, {.elide_data = arguments.has("--elide-data")});
  if (arguments.has("--output")) {
    write_file(arguments.text("--output"), text);
  } else {
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  return 0;
}

const Subcommand opt{
    .name = "opt", .summary = "Run passes on program text.", .syntax = syntax, .run = run};
const RegisteredSubcommand registered{opt};

}  // namespace
}  // namespace mlfc

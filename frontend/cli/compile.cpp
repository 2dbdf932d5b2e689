// `mlfc compile`: a model in, a Model Library Format archive out - or, with --stop-after, the text
// of the program at that point.
#include <algorithm>
#include <cstdio>

#include "frontend/cli/compilation.h"
#include "frontend/cli/quantization.h"
#include "frontend/cli/subcommand.h"
#include "frontend/data/file.h"
#include "ir/error.h"
#include "ir/print.h"

namespace mlfc {
namespace {

Syntax syntax() {
  Syntax syntax{.command = "mlfc compile",
                .summary = "Compiles a model to a Model Library Format archive of C.",
                .positional = "FILE"};
  syntax.groups.push_back({"output",
                           {{.name = "--output",
                             .short_name = "-o",
                             .value = "FILE",
                             .help = "Archive to write (default: module.tar)."}}});
  OptionGroup quantizing = quantize_options();
  quantizing.options.insert(
      quantizing.options.begin(),
      {.name = "--quantize",
       .value = "TYPE",
       .help = "Quantize the model first, as 'mlfc quantize' does; needs --calibrate.",
       .choices = {"int8"}});
  syntax.groups.push_back(std::move(quantizing));
  for (OptionGroup& group : compile_options()) syntax.groups.push_back(std::move(group));
  syntax.groups.push_back(common_options());
  return syntax;
}

int print_stage(const Request& request, const Arguments& arguments) {
  const Machine machine = machine_of(request);
  const std::unique_ptr<Graph> graph = transformed(request, load_model(request));
  run_pipeline(*graph, request, machine);
  const std::string text = to_text(*graph, {.elide_data = arguments.has("--elide-data")});
  if (arguments.has("--output")) {
    write_file(arguments.text("--output"), text);
  } else {
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  return 0;
}

/// The model is quantized before anything else; -v prints what that did.
void quantize_first(Request& request, const QuantizeRequest& quantize) {
  Request reading = request;
  request.transform = [reading, quantize](std::unique_ptr<Graph> graph) {
    QuantizedModel model = quantize_model(std::move(graph), reading, quantize);
    if (reading.verbose) fmt::print(stderr, "{}", report_table(model.report));
    return std::move(model.graph);
  };
}

/// Inputs and outputs that the model itself does not list.
void mention_states(const LoadedModel& model) {
  for (const TfliteState& state : model.states) {
    const std::vector<std::byte>& bytes = state.initial.bytes;
    const bool is_zero = std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
    fmt::print(stderr,
               "note: the model keeps '{}' between runs: it is an input, {} in the first run, and "
               "then what output '{}' was (--state reset: every run starts anew)\n",
               state.input, is_zero ? "zeros" : "what the model initialises it to", state.output);
  }
}

/// What says how to quantize would be ignored without being told to.
void check_quantize_is_asked_for(const Arguments& arguments) {
  for (const OptionSpec& option : quantize_options().options) {
    if (!arguments.has(option.name)) continue;
    throw UsageError(fmt::format("{} says how to quantize; add --quantize int8", option.name));
  }
}

int run(const Arguments& arguments) {
  Request request = parse_request(arguments);
  request.file = arguments.file();
  if (arguments.has("--quantize")) {
    request.real_weights = true;
    quantize_first(request, parse_quantize(arguments));
  } else {
    check_quantize_is_asked_for(arguments);
  }
  if (!request.pipeline.stop_after.empty()) return print_stage(request, arguments);

  const std::string output = arguments.text("--output", "module.tar");
  check_output(output);
  verify_options(request.package);
  LoadedModel model = import_model(request);
  if (!request.quiet) mention_states(model);
  const Archive archive = compile_to_archive(request, model);
  std::vector<std::pair<std::string, std::string>> dumps;
  for (const std::string& format : request.dump_formats) {
    dumps.emplace_back(output + "." + format, dumped_code(archive, format, request.package));
  }
  write_tar(archive, output, request.package.timestamp);
  for (const auto& [path, text] : dumps) write_file(path, text);
  if (request.verbose) fmt::print(stderr, "wrote {}\n", output);
  return 0;
}

const Subcommand compile{.name = "compile",
                         .summary = "Compile a model to an archive of C.",
                         .syntax = syntax,
                         .run = run};
const RegisteredSubcommand registered{compile};

}  // namespace
}  // namespace mlfc

// `mlfc quantize`: a float model and data in, a quantized ONNX model in QDQ form out, with a report
// of what each layer lost.
#include <cstdio>
#include <filesystem>

#include "frontend/cli/compilation.h"
#include "frontend/cli/quantization.h"
#include "frontend/cli/subcommand.h"
#include "frontend/data/file.h"
#include "frontend/onnx/export.h"
#include "ir/error.h"

namespace mlfc {
namespace {

Syntax syntax() {
  Syntax syntax{.command = "mlfc quantize",
                .summary =
                    "Turns a float model into one that computes with 8-bit integers, after running "
                    "it on data, and writes it as ONNX (QuantizeLinear and DequantizeLinear around "
                    "the operators), for any tool to read. Prints what each layer loses.",
                .positional = "FILE"};
  syntax.groups.push_back({"output",
                           {{.name = "--output",
                             .short_name = "-o",
                             .value = "FILE",
                             .help = "ONNX model to write (default: FILE with _int8)."},
                            {.name = "--json", .help = "Print the report as one JSON object."}}});
  syntax.groups.push_back(quantize_options());
  syntax.groups.push_back(model_options());
  syntax.groups.push_back(common_options());
  return syntax;
}

std::string default_output(const std::string& file) {
  std::filesystem::path path(file);
  path.replace_filename(path.stem().string() + "_int8.onnx");
  return path.string();
}

int run(const Arguments& arguments) {
  QuantizeRequest quantize = parse_quantize(arguments);
  quantize.check = [](const Graph& graph) { export_onnx(graph); };  // before it takes long
  Request request = parse_request(arguments);
  request.file = arguments.file();
  request.real_weights = true;
  const std::string output = arguments.text("--output", default_output(request.file));
  check_output(output);
  const QuantizedModel model = quantize_model(load_model(request), request, quantize);
  write_file(output, export_onnx(*model.graph));
  const bool as_json = arguments.has("--json");
  const std::string text = as_json ? report_json(model.report) : report_table(model.report);
  if (as_json || !request.quiet) std::fwrite(text.data(), 1, text.size(), stdout);
  if (request.verbose) fmt::print(stderr, "wrote {}\n", output);
  return 0;
}

const Subcommand subcommand{.name = "quantize",
                            .summary = "Turn a float model into an integer one, with data.",
                            .syntax = syntax,
                            .run = run};
const RegisteredSubcommand registered{subcommand};

}  // namespace
}  // namespace mlfc

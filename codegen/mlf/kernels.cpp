// The kernels of a model and its main function: _lib1.c, or _lib2.c with the packed API. Kernels
// are external functions, so that profilers and debuggers see them by name.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "codegen/mlf/names.h"
#include "codegen/mlf/writers.h"

namespace mlfc {
namespace {

std::string kernel_definition(const PackagedKernel& kernel) {
  std::string comment = kernel.comments[0];
  for (size_t i = 1; i < kernel.comments.size(); i++) {
    // The kernel's text is the same; only the names of the nodes are news.
    comment += "\nalso: " + kernel.comments[i].substr(0, kernel.comments[i].find('\n'));
  }
  std::string text = block_comment(comment);
  text += "TVM_DLL int32_t " + kernel_signature(kernel) + " {\n" + kernel.function.body;
  if (!text.ends_with('\n')) text += '\n';
  return text + "  return 0;\n}\n\n";
}

std::string helper_definitions(const PackagedModel& model) {
  std::set<std::string> known;
  std::string text;
  for (const PackagedKernel& kernel : model.kernels) {
    for (const std::string& helper : kernel.function.helpers) {
      if (!known.insert(helper).second) continue;
      text += helper;
      text += helper.ends_with('\n') ? "\n" : "\n\n";
    }
  }
  return text;
}

// A product that is contracted with a sum is not rounded in between. Where reals become integers,
// that would let results differ by a step from machine to machine.
std::string exact_rounding(const PackagedModel& model) {
  const bool rounds =
      std::any_of(model.kernels.begin(), model.kernels.end(),
                  [](const PackagedKernel& kernel) { return kernel.function.rounds_reals; });
  if (!rounds) return "";
  return "/* Every operation rounds, so that integers come out the same on every machine. */\n"
         "#if defined(__clang__)\n"
         "#pragma STDC FP_CONTRACT OFF\n"
         "#elif defined(__GNUC__)\n"
         "#pragma GCC optimize(\"fp-contract=off\")\n"
         "#endif\n\n";
}

}  // namespace

std::string begin_c_linkage() {
  return "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
}

std::string end_c_linkage() {
  return "#ifdef __cplusplus\n}\n#endif\n";
}

std::string restrict_macro() {
  return "#if defined(__cplusplus)\n"
         "#define MLFC_RESTRICT __restrict__\n"
         "#else\n"
         "#define MLFC_RESTRICT restrict\n"
         "#endif\n\n"
         "/* For arrays on the stack: with AVX, gcc (12.2 is one) may forget to align the stack of "
         "a\n"
         " * function it has vectorised, unless an array asks for more than the stack has anyway. "
         "*/\n"
         "#if defined(__AVX__) && defined(__GNUC__) && !defined(__clang__)\n"
         "#define MLFC_ALIGNED __attribute__((aligned(64)))\n"
         "#else\n"
         "#define MLFC_ALIGNED\n"
         "#endif\n\n";
}

std::string cast_to(const std::string& parameter_type) {
  return fmt::format("({})", parameter_type.substr(0, parameter_type.rfind('*') + 1));
}

std::string kernel_signature(const PackagedKernel& kernel) {
  std::vector<std::string> parameters;
  for (const EmittedFunction::Parameter& parameter : kernel.function.parameters) {
    parameters.push_back(parameter.type + " " + parameter.name);
  }
  if (parameters.empty()) parameters.push_back("void");
  return fmt::format("{}({})", kernel.symbol, fmt::join(parameters, ", "));
}

std::string function_declarations(const PackagedModel& model) {
  std::vector<std::string> declarations;
  for (const PackagedKernel& kernel : model.kernels) {
    declarations.push_back("TVM_DLL int32_t " + kernel_signature(kernel) + ";\n");
  }
  std::sort(declarations.begin(), declarations.end());
  declarations.push_back("TVM_DLL int32_t " + main_signature(model) + ";\n");
  return fmt::format("{}", fmt::join(declarations, ""));
}

std::string kernels_source(const PackagedModel& model) {
  std::string text = "// tvm target: " + comment_line(model.options.target_string) + "\n";
  text +=
      "#define TVM_EXPORTS\n"
      "#include \"tvm/runtime/c_runtime_api.h\"\n"
      "#include \"tvm/runtime/c_backend_api.h\"\n"
      "#include <math.h>\n"
      "#include <stdbool.h>\n"
      "#include <stddef.h>\n"
      "#include <stdint.h>\n"
      "#include <string.h>\n\n";
  text += restrict_macro() + exact_rounding(model);
  text += begin_c_linkage() + function_declarations(model) + "\n" + helper_definitions(model);
  for (const PackagedKernel& kernel : model.kernels) text += kernel_definition(kernel);
  return text += main_definition(model) + "\n" + end_c_linkage();
}

}  // namespace mlfc

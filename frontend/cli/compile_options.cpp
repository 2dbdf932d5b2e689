// The table of options that say how to compile: tvmc's, under tvmc's names, and our own.
#include "frontend/cli/request.h"

namespace mlfc {
namespace {

OptionGroup target_group() {
  OptionGroup group{
      "target",
      {{.name = "--target",
        .value = "TARGET",
        .help = "Target with attributes: \"c -mcpu=cortex-m4\", a JSON object, or a JSON file "
                "(default: c; for --device qemu-riscv32 with its -march)."}}};
  for (const Target* target : targets()) {
    std::vector<std::string> names = generic_attributes();
    names.insert(names.end(), target->attributes.begin(), target->attributes.end());
    for (const std::string& name : names) {
      group.options.push_back({.name = "--target-" + target->name + "-" + name,
                               .value = "VALUE",
                               .help = "Attribute " + name + " of target " + target->name + "."});
    }
  }
  return group;
}

OptionGroup interface_group() {
  return {"executor and runtime",
          {{.name = "--executor", .value = "KIND", .help = "aot (the only one; default)."},
           {.name = "--executor-aot-unpacked-api",
            .value = "0|1",
            .help = "1: kernels and entry take plain pointers (default: 0)."},
           {.name = "--executor-aot-interface-api",
            .value = "API",
            .help = "Interface of the entry: c or packed (default: packed).",
            .choices = {"c", "packed"}},
           {.name = "--executor-aot-link-params",
            .value = "0|1",
            .help = "0: also write the parameters to the .params file (default: 1)."},
           {.name = "--executor-aot-workspace-byte-alignment",
            .value = "N",
            .help = "Alignment of the workspace and its buffers (default: 16)."},
           {.name = "--executor-aot-constant-byte-alignment",
            .value = "N",
            .help = "Alignment of constants (default: 16)."},
           {.name = "--executor-graph-link-params",
            .value = "0|1",
            .help = "Belongs to the graph executor, which is not supported."},
           {.name = "--runtime", .value = "KIND", .help = "crt (the only one; default)."},
           {.name = "--runtime-crt-system-lib",
            .value = "0|1",
            .help = "1: register the functions for TVMSystemLibEntryPoint (default: 0)."},
           {.name = "--runtime-cpp-system-lib",
            .value = "0|1",
            .help = "Belongs to the C++ runtime, which is not supported."},
           {.name = "--module-name",
            .value = "NAME",
            .help = "Name in symbols and file names (default: default)."},
           {.name = "--constants",
            .value = "FORM",
            .help = "How constants are written (default: text).",
            .choices = {"text", "binary"}}}};
}

OptionGroup pools_group(const std::string& kind, const std::string& what) {
  const std::string pools = "--" + kind + "-pools";
  OptionGroup group{
      kind + " pools",
      {{.name = pools,
        .value = "A,B",
        .help = "Names of memory pools for " + what +
                ", in order of preference; the application provides them."},
       {.name = pools + "-targets", .value = "POOL:TARGET", .help = "Target that uses the pool."},
       {.name = pools + "-size-hint-bytes",
        .value = "POOL:N",
        .help = "Upper bound of its size."}}};
  for (const char* name :
       {"clock-frequency-hz", "read-bandwidth-bytes-per-cycle", "write-bandwidth-bytes-per-cycle",
        "read-latency-cycles", "write-latency-cycles", "target-burst-bytes"}) {
    group.options.push_back({.name = pools + "-" + name,
                             .value = "POOL:N",
                             .help = "Accepted; does not influence the plan."});
  }
  return group;
}

OptionGroup passes_group() {
  return {
      "passes",
      {{.name = "--pass-config",
        .value = "NAME=VALUE",
        .help = "TVM's pass configuration, such as tir.usmp.enable=1 (repeatable)."},
       {.name = "--disabled-pass", .value = "A,B", .help = "Passes to leave out."},
       {.name = "--opt-level",
        .short_name = "-O",
        .value = "0..3",
        .help = "Accepted (default: 3)."},
       {.name = "--desired-layout",
        .value = "LAYOUT",
        .help = "Order of activations in memory: NCHW or NHWC (default: whatever is best).",
        .many_words = true},
       {.name = "--requantize",
        .value = "HOW",
        .help = "How integer sums are rescaled: real multiplies by f32 and rounds as ONNX says, "
                "fixed uses integers only, for cores without an FPU, and may be one step off "
                "(default: real).",
        .choices = {"real", "fixed"}},
       {.name = "--desired-layout-ops",
        .value = "OP",
        .help = "Accepted; the layout is chosen for the whole model.",
        .many_words = true},
       {.name = "--tuning-records", .value = "FILE", .help = "Accepted; not used yet."},
       {.name = "--mixed-precision", .help = "Not supported."},
       {.name = "--mixed-precision-ops",
        .value = "OP",
        .help = "Not supported.",
        .many_words = true},
       {.name = "--mixed-precision-calculation-type", .value = "TYPE", .help = "Not supported."},
       {.name = "--mixed-precision-acc-type", .value = "TYPE", .help = "Not supported."},
       {.name = "--plugin",
        .value = "FILE.so",
        .help = "Load operators and passes from a shared object (repeatable)."},
       {.name = "--after",
        .value = "STEP=PASS",
        .help = "Run PASS right after STEP (repeatable)."}}};
}

OptionGroup experiments_group() {
  return {
      "experiments",
      {{.name = "--stop-after",
        .value = "STEP",
        .help = "Print the program after that step instead of writing an archive."},
       {.name = "--elide-data",
        .help = "Leave the bytes of large constants out of printed programs."},
       {.name = "--print-changed", .help = "Print the program after each pass that changed it."},
       {.name = "--time-passes", .help = "Print how long each pass took."},
       {.name = "--print-pass-times", .help = "The same, under tvmc's name."},
       {.name = "--verify-each-pass", .help = "Verify, print and re-read after each pass."},
       {.name = "--check-each-pass",
        .help = "Interpret after each pass and name the first that changed the numbers."}}};
}

OptionGroup files_group() {
  return {"files",
          {{.name = "--output-format",
            .short_name = "-f",
            .value = "FORMAT",
            .help = "mlf (the only one; default)."},
           {.name = "--dump-code", .value = "A,B", .help = "Also write OUTPUT.relay, OUTPUT.c."},
           {.name = "--dump-offloads", .value = "FILE", .help = "Accepted; nothing is offloaded."},
           {.name = "--cross-compiler", .value = "CC", .help = "Not supported with MLF."},
           {.name = "--cross-compiler-options", .value = "OPTIONS", .help = "Likewise."}}};
}

}  // namespace

OptionGroup model_options() {
  return {"model",
          {{.name = "--model-format",
            .value = "FORMAT",
            .help = "Format of FILE: onnx or tflite (default: by its name)."},
           {.name = "--input-shapes",
            .value = "SHAPES",
            .help = "Shapes of inputs that the model leaves open: \"name:[1,3,224,224] "
                    "other:[1,10]\"."},
           {.name = "--constant-input",
            .value = "NAME=FILE",
            .help = "Fix an input to the tensor in a .npy or .pb file (repeatable)."},
           {.name = "--state",
            .value = "FORM",
            .help = "Values that a .tflite model keeps between runs: explicit makes each an input "
                    "and an output, reset starts every run anew (default: explicit).",
            .choices = {"explicit", "reset"}},
           {.name = "--tflite-rounding",
            .value = "HOW",
            .help = "How quantised .tflite models round: twice-up as TensorFlow Lite's interpreter "
                    "does, twice as its reference kernels and TFLite Micro, or once as builds for "
                    "single rounding (default: twice-up).",
            .choices = {"twice-up", "twice", "once"}}}};
}

std::vector<OptionGroup> compile_options() {
  return {model_options(),
          target_group(),
          interface_group(),
          pools_group("workspace", "intermediate values"),
          pools_group("constant", "constants"),
          passes_group(),
          experiments_group(),
          files_group()};
}

}  // namespace mlfc

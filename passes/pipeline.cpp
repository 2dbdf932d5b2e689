// The order of the compiler, from a model as it was imported to a program that is ready to be
// written as source text. Read it aloud: it is the whole story. How steps are run, printed, checked
// and timed is in pipeline_runner.cpp.
#include "passes/pipeline.h"

#include "passes/pipeline_steps.h"

namespace mlfc {

const std::vector<PipelineStep>& pipeline() {
  static const std::vector<PipelineStep> steps = {
      // Understand: every value gets a type; what can be known now is computed now.
      {"infer-types"},
      {"expand-operators"},   // operators that are small graphs of others become those graphs
      {"move-quantization"},  // transpose(dequantize(x)) moves integers instead
      {"fold-constants"},
      {"simplify-graph"},
      {"fold-scales"},  // batch norms and other per-channel scales vanish into weights

      // Kernels: state each node's work declaratively, then let neighbours share one pass over
      // memory.
      {"lower-to-kernels"},
      {"read-scalars"},
      {"fuse-widening"},      // dequantize -> conv: no wide copy is made
      {"fuse-epilogues"},     // conv -> relu, matmul -> add
      {"fuse-prologues"},     // pad -> conv
      {"sum-blocks"},         // only with --requantize fixed: weights with a scale for each block
      {"fold-quantization"},  // dequantize, compute, quantize -> integers, one rescale
      {"requantize-fixed"},   // only with --requantize fixed: no FPU is needed
      {"tabulate"},           // expensive functions of 8-bit numbers become tables

      // Place: in which order values are stored, and which need no storage of their own.
      {"choose-layout"},
      {"make-views"},
      {"run-in-place"},
      {"unfold-windows"},    // integer convolutions become long products of contiguous bytes
      {"fold-zero-points"},  // sum of (x - z) * w is the sum of x * w, less a constant
      {"pair-sums"},         // two sums in one f64, where those are as fast
      {"sum-on-fpu"},        // where f32 is exact and has the better instructions
      {"pack-nibbles"},      // integers of four bits, two to a byte

      // Run: the target chooses schedules; everything after only carries them out.
      {"schedule"},
      {"pack-constants"},  // weights in the order the loops read them
      {"lower-to-loops"},
      {"simplify-loops"},
      {"finish"},  // the target's last look at the loops

      // Every buffer is known now, scratch of the loops included.
      {"plan-memory"},
  };
  return steps;
}

}  // namespace mlfc

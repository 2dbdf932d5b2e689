// Writes the loops of every scheduled kernel: one nest per stage (stage_lowering.h), inside the
// loops that its stages share.
#include <algorithm>
#include <map>

#include "ir/error.h"
#include "passes/loop/loop_nest.h"
#include "passes/loop/lower.h"
#include "passes/loop/stage_lowering.h"
#include "passes/memory/lifetimes.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

// The shared loops of a kernel with several stages, around the nests of its stages.
std::vector<Stmt> shared_loops(const Kernel& kernel, const Nest& nest, size_t depth,
                               AxisMap& values, Ranges& ranges) {
  if (depth == nest.shared.size()) {
    std::vector<Stmt> body;
    for (const Param& local : kernel.locals) {
      body.push_back(local_stmt(local.name, local.type.dtype, local.type.shape));
    }
    for (size_t stage = 0; stage < kernel.stages.size(); ++stage) {
      for (Stmt& stmt :
           lower_stage(kernel, kernel.stages[stage], nest.inside[stage], values, ranges)) {
        body.push_back(std::move(stmt));
      }
    }
    return body;
  }
  const NestLoop& loop = nest.shared[depth];
  check(loop.part == LoopPart::whole, "kernel '", kernel.name, "': shared axis '", loop.axis,
        "' of several stages cannot be split");
  values.emplace_back(loop.axis, axis_expr(loop.variable));
  ranges[loop.variable] = {0, loop.extent - 1};
  std::vector<Stmt> body = shared_loops(kernel, nest, depth + 1, values, ranges);
  return {loop_stmt(loop.variable, 0, loop.extent, std::move(body), loop.marks)};
}

// Scalars that one stage names and a later one uses are zero-dimensional locals in the program, so
// what the kernel wrote as a name is read as an element without indices.
void read_scalars(const Kernel& kernel, std::vector<Stmt>& body) {
  std::map<std::string, DType> scalars;
  for (const Stage& stage : kernel.stages) {
    if (stage.reduction) scalars[stage.reduction->name] = stage.reduction->dtype;
  }
  rewrite_exprs(body, [&](const Expr& part) -> Expr {
    if (part->kind != ExprKind::local) return {};
    const auto found = scalars.find(part->name);
    return found == scalars.end() ? Expr() : read_expr(part->name, found->second, {});
  });
}

}  // namespace

Proc lower(const Kernel& kernel, const Schedule& schedule) {
  const std::string problem = why_illegal(schedule, kernel);
  check(problem.empty(), "schedule of '", kernel.name, "' is illegal: ", problem);
  Proc proc{.name = kernel.name, .inputs = kernel.inputs, .outputs = kernel.outputs};
  const Nest nest = make_nest(kernel, schedule);
  AxisMap values;
  Ranges ranges;
  proc.body = shared_loops(kernel, nest, 0, values, ranges);
  read_scalars(kernel, proc.body);
  return proc;
}

namespace {

// Locals larger than this do not go on the stack of a bare-metal program; they become scratch
// values that are planned with everything else.
constexpr int64_t kMostStackBytes = 1024;

void move_large_locals(Graph& graph, Node& node, std::vector<Stmt>& body) {
  for (Stmt& stmt : body) {
    move_large_locals(graph, node, stmt.body);
    if (stmt.kind != StmtKind::local) continue;
    const TensorType type{stmt.dtype, stmt.shape, std::nullopt};
    if (type.storage_bytes() <= kMostStackBytes) continue;
    stmt.memory = "arena";
    node.scratch.push_back(&graph.add_value(node.output().name + "/" + stmt.name, type));
  }
}

void lower_to_loops(Graph& graph, const PassContext&) {
  for (const auto& node : graph.nodes) {
    if (!node->kernel || node->is_free) continue;
    sync_param_types(*node);
    node->proc = lower(*node->kernel, node->schedule.value_or(Schedule{}));
    move_large_locals(graph, *node, node->proc->body);
  }
}

const Pass pass{
    .name = "lower-to-loops",
    .level = Level::loop,
    .summary = "Write the loops of every kernel as its schedule orders them.",
    .run = lower_to_loops,
    .required = true,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc

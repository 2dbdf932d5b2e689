// Prints what a node does: kernels, schedules, and procedures of loops.
//
// A kernel of one plain stage is written flat, as in kernel.h. Kernels of several stages, or with
// axes that belong to one stage only, give each stage a block of its own:
//   stage {
//     for j<10
//     e[j] = exp(x[i, j] - top)
//   }
#include "ir/error.h"
#include "ir/print.h"
#include "ir/print_parts.h"

namespace mlfc {
namespace {

std::string axes_text(const std::vector<Axis>& axes) {
  std::string text;
  for (const Axis& axis : axes) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{}<{}", name_text(axis.name), axis.extent);
  }
  return text;
}

std::string params_text(const std::vector<Param>& params) {
  std::string text;
  for (const Param& param : params) {
    if (!text.empty()) text += ", ";
    text += name_text(param.name) + ": " + type_text(param.type);
  }
  return text;
}

// kernel conv(x: f32[4]) -> y: f32[4]
std::string header_text(std::string_view keyword, const std::string& name,
                        const std::vector<Param>& inputs, const std::vector<Param>& outputs) {
  std::string text = fmt::format("{} {}({})", keyword, name_text(name), params_text(inputs));
  if (!outputs.empty()) text += " -> " + params_text(outputs);
  return text + " {";
}

// acc: i32 = sum from b[oc] of ...
// The dtype is left out when it is f32 and the body shows it; the start, when it is neutral.
std::string reduction_text(const Reduction& reduction) {
  const bool body_shows_it = gives_its_dtype(reduction.body) &&
                             reduction.body.dtype() == DType::f32 && reduction.dtype == DType::f32;
  std::string text = name_text(reduction.name);
  if (!body_shows_it) text += ": " + to_text(reduction.dtype);
  text += " = " + to_text(reduction.combine);
  const bool is_neutral = reduction.dtype != DType::none &&
                          same(reduction.init, neutral_element(reduction.combine, reduction.dtype));
  if (!is_neutral) text += " from " + expr_text(reduction.init, reduction.dtype);
  return text + " of " + expr_text(reduction.body, reduction.dtype);
}

// A literal takes the dtype of the tensor it is stored to.
DType target_dtype(const Kernel& kernel, const std::string& target) {
  const Param* param = find_param(kernel, target);
  return param == nullptr ? DType::none : param->type.dtype;
}

void write_stage_lines(TextWriter& writer, const Kernel& kernel, const Stage& stage) {
  if (!stage.reduce.empty()) writer.line("reduce " + axes_text(stage.reduce));
  if (stage.reduction) writer.line(reduction_text(*stage.reduction));
  if (!stage.store) return;
  const Store& store = *stage.store;
  writer.line(name_text(store.target) + indices_text(store.indices) + " = " +
              expr_text(store.value, target_dtype(kernel, store.target)));
}

bool is_flat(const Kernel& kernel) {
  if (kernel.stages.size() != 1) return kernel.stages.empty();
  const Stage& only = kernel.stages.front();
  const bool does_something = !only.reduce.empty() || only.reduction || only.store;
  return only.parallel.empty() && does_something;
}

// --- loops ------------------------------------------------------------------------------------

class ProcWriter {
 public:
  ProcWriter(TextWriter& writer, const Proc& proc) : writer_(writer) {
    for (const auto* params : {&proc.inputs, &proc.outputs}) {
      for (const Param& param : *params) scope_.emplace_back(param.name, param.type.dtype);
    }
  }

  void write(const std::vector<Stmt>& body) {
    const size_t outer = scope_.size();
    for (const Stmt& stmt : body) write(stmt);
    scope_.resize(outer);
  }

 private:
  void write(const Stmt& stmt) {
    if (stmt.kind != StmtKind::loop) {
      writer_.line(text(stmt) + marks(stmt));
      if (stmt.kind == StmtKind::local) scope_.emplace_back(stmt.name, stmt.dtype);
      return;
    }
    const std::string step = stmt.step == 1 ? "" : fmt::format(" step {}", stmt.step);
    writer_.open("for " + name_text(stmt.name) + " in " + expr_text(stmt.begin, DType::i64) + ".." +
                 expr_text(stmt.end, DType::i64) + step + marks(stmt) + " {");
    write(stmt.body);
    writer_.close();
  }

  std::string text(const Stmt& stmt) {
    switch (stmt.kind) {
      case StmtKind::local: {
        const std::string shape = stmt.shape.empty() ? "" : to_text(stmt.shape);
        const std::string memory = stmt.memory.empty() ? "" : " in " + name_text(stmt.memory);
        return "local " + name_text(stmt.name) + ": " + to_text(stmt.dtype) + shape + memory;
      }
      case StmtKind::assign:
        return element(stmt.name, stmt.indices) + " = " + value(stmt);
      case StmtKind::accumulate:
        return element(stmt.name, stmt.indices) + " " + combine_text(stmt.combine) + " " +
               value(stmt);
      case StmtKind::copy:
        return "copy " + name_text(stmt.name) + indices_text(stmt.indices) + " extents " +
               to_text(stmt.extents) + " from " + name_text(stmt.source) +
               indices_text(stmt.source_indices);
      case StmtKind::call: {
        std::string text = "call " + name_text(stmt.name) + "(";
        for (size_t i = 0; i < stmt.args.size(); ++i) {
          text += (i > 0 ? ", " : "") + expr_text(stmt.args[i], DType::none);
        }
        return text + ")";
      }
      case StmtKind::comment:
        return "note " + quoted(stmt.name);
      case StmtKind::loop:
        break;
    }
    throw InternalError("a statement of unknown kind");
  }

  static std::string element(const std::string& name, const std::vector<Expr>& indices) {
    return name_text(name) + (indices.empty() ? "" : indices_text(indices));
  }

  std::string value(const Stmt& stmt) const {
    for (size_t i = scope_.size(); i-- > 0;) {
      if (scope_[i].first == stmt.name) return expr_text(stmt.value, scope_[i].second);
    }
    return expr_text(stmt.value, DType::none);
  }

  static std::string combine_text(Combine combine) {
    if (combine == Combine::sum) return "+=";
    if (combine == Combine::product) return "*=";
    return to_text(combine) + "=";
  }

  static std::string marks(const Stmt& stmt) {
    std::string text;
    for (const std::string& mark : stmt.marks) text += " " + sigil_text('@', mark);
    return text;
  }

  TextWriter& writer_;
  std::vector<std::pair<std::string, DType>> scope_;  ///< tensors and locals, innermost last
};

}  // namespace

void write_kernel(TextWriter& writer, const Kernel& kernel) {
  writer.open(header_text("kernel", kernel.name, kernel.inputs, kernel.outputs));
  if (!kernel.axes.empty()) writer.line("for    " + axes_text(kernel.axes));
  for (const Param& local : kernel.locals) {
    writer.line("local " + name_text(local.name) + ": " + type_text(local.type));
  }
  for (const Stage& stage : kernel.stages) {
    if (is_flat(kernel)) {
      write_stage_lines(writer, kernel, stage);
      continue;
    }
    writer.open("stage {");
    if (!stage.parallel.empty()) writer.line("for    " + axes_text(stage.parallel));
    write_stage_lines(writer, kernel, stage);
    writer.close();
  }
  writer.close();
}

void write_schedule(TextWriter& writer, const Schedule& schedule, std::string_view name) {
  const std::string gap = name.empty() ? "" : " ";
  writer.open("schedule" + gap + (name.empty() ? "" : name_text(name)) + " {");
  for (const Word& word : schedule.words) writer.line(to_text(word));
  writer.close();
}

void write_proc(TextWriter& writer, const Proc& proc) {
  writer.open(header_text("proc", proc.name, proc.inputs, proc.outputs));
  ProcWriter(writer, proc).write(proc.body);
  writer.close();
}

std::string to_text(const Kernel& kernel) {
  TextWriter writer;
  write_kernel(writer, kernel);
  return writer.take();
}

std::string to_text(const Schedule& schedule, const std::string& kernel_name) {
  TextWriter writer;
  write_schedule(writer, schedule, kernel_name);
  return writer.take();
}

std::string to_text(const Proc& proc) {
  TextWriter writer;
  write_proc(writer, proc);
  return writer.take();
}

}  // namespace mlfc

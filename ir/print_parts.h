// The pieces program text is made of, shared by the files that print it: numbers, expressions,
// types, and a writer that keeps the indentation.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "ir/lexer.h"

namespace mlfc {

/// The shortest text that reads back as the same number of that dtype: 0.1, 1e-07, inf, nan.
std::string real_text(double value, DType dtype);
/// The same, marked as a real by a point or an exponent even when it is whole: 2.0.
std::string marked_real_text(double value);

/// `context` is the dtype that a reader takes for granted where the expression stands; a literal
/// whose dtype no neighbour and no context gives is written with it: 3:i32.
std::string expr_text(const Expr& expr, DType context);
/// The dtype a reader of the expression's text knows without context; none for literals.
bool gives_its_dtype(const Expr& expr);
/// [0, ic, oh + kh - 1]
std::string indices_text(const std::vector<Expr>& indices);

/// A type, or `?` before types are inferred.
std::string type_text(const TensorType& type);
/// The elements in storage order: [1, 2, 3]; one element without brackets for a scalar.
std::string elements_text(const Tensor& tensor);
/// True when `elements_text` keeps every bit (an unusual NaN or boolean byte would not survive).
bool elements_keep_bits(const Tensor& tensor);

/// Collects lines at the current indentation.
class TextWriter {
 public:
  void line(std::string_view text) {
    text_.append(static_cast<size_t>(depth_) * 2, ' ');
    text_ += text;
    text_ += '\n';
  }
  void open(std::string_view text) {
    line(text);
    ++depth_;
  }
  void close() {
    --depth_;
    line("}");
  }
  void raw(std::string_view text) { text_ += text; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  int depth_ = 0;
};

void write_kernel(TextWriter& writer, const Kernel& kernel);
void write_schedule(TextWriter& writer, const Schedule& schedule, std::string_view name);
void write_proc(TextWriter& writer, const Proc& proc);

}  // namespace mlfc

// A procedure of loops: what remains of a kernel once its schedule has been applied. Tensors are
// still addressed by logical indices (the C printer asks the parameter's layout for the place);
// loop bounds may be clipped by min/max of outer axes.
//
// Marks (@unroll, @lanes, @cores, @frep ...) are erasable: delete every @word and the program means
// the same. That is why one interpreter checks every target.
//
//   proc conv(x: f32[1,8,16,16], w: f32[16,8,3,3]) -> y: f32[1,16,16,16] {
//     for oc in 0..16 {
//       local acc: f32[4]
//       for i in 0..4 @unroll { acc[i] = 0 }
//       ...
#pragma once

#include <string>
#include <vector>

#include "ir/kernel.h"

namespace mlfc {

enum class StmtKind : uint8_t {
  loop,        ///< for name in begin..end step step { body }
  local,       ///< local name: dtype[shape] [in memory]
  assign,      ///< name[indices] = value
  accumulate,  ///< name[indices] combine= value
  copy,        ///< copy a box: name[indices] extents from source[...] (DMA or memcpy)
  call,        ///< name(args...): a target instruction or runtime function
  comment,     ///< text kept for the reader of the generated code
};

struct Stmt {
  StmtKind kind = StmtKind::comment;
  std::string name = {};
  // loop
  Expr begin = {}, end = {};
  int64_t step = 1;
  std::vector<Stmt> body = {};
  std::vector<std::string> marks = {};
  // local
  DType dtype = DType::none;
  Shape shape = {};
  std::string memory = {};
  // assign, accumulate, copy
  std::vector<Expr> indices = {};
  Expr value = {};
  Combine combine = Combine::sum;
  std::string source = {};
  std::vector<Expr> source_indices = {};
  Shape extents = {};
  // call
  std::vector<Expr> args = {};
};

struct Proc {
  std::string name = {};
  std::vector<Param> inputs = {};
  std::vector<Param> outputs = {};
  std::vector<Stmt> body = {};
};

Stmt loop_stmt(std::string axis, Expr begin, Expr end, std::vector<Stmt> body,
               std::vector<std::string> marks = {});
Stmt local_stmt(std::string name, DType dtype, Shape shape = {}, std::string memory = {});
Stmt assign_stmt(std::string target, std::vector<Expr> indices, Expr value);
Stmt accumulate_stmt(std::string target, std::vector<Expr> indices, Combine combine, Expr value);
Stmt comment_stmt(std::string text);

bool has_mark(const Stmt& stmt, std::string_view mark);
/// Applies `rewrite` to every expression below (bounds, indices, values).
void rewrite_exprs(std::vector<Stmt>& body, const std::function<Expr(const Expr&)>& rewrite);
void for_each_stmt(const std::vector<Stmt>& body, const std::function<void(const Stmt&)>& visit);

}  // namespace mlfc

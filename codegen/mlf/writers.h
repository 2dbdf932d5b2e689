// The writers of an archive's files: each turns the packaged model into the bytes of one file, or
// into a piece of C that another writer places. One source file per concern.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "codegen/mlf/model.h"
#include "ir/tensor.h"

namespace mlfc {

// --- files ------------------------------------------------------------------------------------

std::string metadata_json(const PackagedModel& model);          // metadata.cpp
std::string params_bytes(const PackagedModel& model);           // params.cpp
std::string relay_text(const PackagedModel& model);             // relay_text.cpp
std::string header_text(const PackagedModel& model);            // header.cpp
std::string entry_source(const PackagedModel& model);           // entry.cpp: _lib0.c
std::string kernels_source(const PackagedModel& model);         // kernels.cpp
std::string metadata_table_source(const PackagedModel& model);  // metadata_table.cpp
/// With ConstantsForm::binary: the assembler file and the bytes it includes.
std::string constants_assembler(const PackagedModel& model);  // constants.cpp

/// True when constants are in a file of their own (binary form and a pool inside the archive).
bool has_constants_file(const PackagedModel& model);
std::string constants_file_name(const PackagedModel& model);  ///< default_constants.bin

// --- pieces of C ------------------------------------------------------------------------------

/// What stands before and after everything that is compiled with C names in C++ too.
std::string begin_c_linkage();
std::string end_c_linkage();

/// Targets write MLFC_RESTRICT in parameter types: `restrict` is C's word, C++ has none; and
/// MLFC_ALIGNED behind arrays on the stack, which works around a fault of gcc.
std::string restrict_macro();

/// The elements of a constant as C initialisers separated by commas, in lines of up to 100 columns
/// that begin with `indent`.
void append_elements(std::string& text, const Tensor& tensor, const std::string& indent);
/// True when the elements need INFINITY or NAN.
bool needs_math_constants(const Tensor& tensor);
/// The definition of a constant pool that the archive owns (or its declaration, in binary form).
void append_constant_pool(std::string& text, const PackagedModel& model, size_t pool);
/// The bytes of a constant pool, gaps zero, little-endian.
std::string constant_pool_bytes(const PackagedModel& model, size_t pool);

/// `tvmgen_default_fused_x(const float* p0, float* p1)`
std::string kernel_signature(const PackagedKernel& kernel);
/// `tvmgen_default___tvm_main__(const void* x_buffer_var, ..., uint8_t* global_workspace_1_var)`
std::string main_signature(const PackagedModel& model);  // main_function.cpp
std::string main_definition(const PackagedModel& model);
/// Declarations of every kernel and of the main function.
std::string function_declarations(const PackagedModel& model);  // kernels.cpp

/// `tvmgen_default_run(TVMValue* args, ...)`: the signature of packed functions; `suffix` "run".
std::string packed_signature(const std::string& name);
/// Statements that mark all parameters of a packed function but `args` as unused.
std::string ignore_packed();
/// The run-time tables and get_c_metadata, for a file of their own or the end of _lib0.c.
std::string metadata_table(const PackagedModel& model);  // metadata_table.cpp
/// `(const float*)` for `const float* MLFC_RESTRICT`.
std::string cast_to(const std::string& parameter_type);

/// The registry of `--runtime-crt-system-lib=1`, with an adapter for each function.
std::string system_library(const PackagedModel& model);  // system_library.cpp

/// DLPack's code and bits of an element type, as .params and the run-time tables spell it.
struct DLType {
  int code = 0;
  int bits = 0;
};
DLType dl_type(DType dtype);  // params.cpp

}  // namespace mlfc

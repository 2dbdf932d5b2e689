/* What a model with the packed interface says of itself at run time: its tensors and pools, as
 * constant tables that tvmgen_<model>_get_c_metadata hands out. The executor reads them to make
 * the arguments of a call. */
#ifndef TVM_RUNTIME_METADATA_TYPES_H_
#define TVM_RUNTIME_METADATA_TYPES_H_

#include <dlpack/dlpack.h>
#include <stdint.h>

/* The only layout there is; TVMMetadata.version holds it. */
#define TVM_METADATA_VERSION 1

#ifdef __cplusplus
extern "C" {
#endif

/* A tensor, or a pool seen as a tensor of bytes. */
struct TVMTensorInfo {
  const char* name;
  const int64_t* shape;
  int64_t num_shape;
  DLDataType dtype;
};

/* A constant inside a pool: where it begins, and its bytes as a serialised array. */
struct TVMConstantInfo {
  const char* name_hint;
  int64_t byte_offset;
  int64_t data_len;
  const void* data_bytes;
};

/* A model. The pools are those the caller has to bring; pools inside the model are not listed. */
struct TVMMetadata {
  int64_t version;
  const struct TVMTensorInfo* inputs;
  int64_t num_inputs;
  const struct TVMTensorInfo* outputs;
  int64_t num_outputs;
  const struct TVMTensorInfo* workspace_pools;
  int64_t num_workspace_pools;
  const struct TVMConstantInfo* constant_pools;
  int64_t num_constant_pools;
  const char* mod_name;
};

#ifdef __cplusplus
}
#endif

#endif /* TVM_RUNTIME_METADATA_TYPES_H_ */

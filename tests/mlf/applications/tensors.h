/* Packed arguments: DLTensors of the model's inputs and outputs, as the packed interface and the
 * function table take them. */
#ifndef TENSORS_H_
#define TENSORS_H_

#include <dlpack/dlpack.h>
#include <tvm/runtime/c_runtime_api.h>

#include "expect.h"

static int64_t shapes[4][2] = {{1, 4}, {3, 1}, {1, 4}, {1, 1}};
static float data[4][4];
static DLTensor tensors[4];
static TVMValue values[8];

static inline void set_tensor(DLTensor* tensor, void* bytes, int64_t* shape, int rank) {
  memset(tensor, 0, sizeof *tensor);
  tensor->data = bytes;
  tensor->device.device_type = kDLCPU;
  tensor->ndim = rank;
  tensor->dtype.code = kDLFloat;
  tensor->dtype.bits = 32;
  tensor->dtype.lanes = 1;
  tensor->shape = shape;
}

static inline void set_arguments(void) {
  int i;
  memset(data, 0, sizeof data);
  memcpy(data[0], kX, sizeof kX);
  memcpy(data[1], kAux, sizeof kAux);
  for (i = 0; i < 4; i++) {
    set_tensor(&tensors[i], data[i], shapes[i], i % 2 == 0 ? 2 : 1);
    values[i].v_handle = &tensors[i];
  }
}

#endif

/* A tensor that the runtime allocated: a DLTensor with a count of its users. The DLTensor comes
 * first, so that a pointer to one is a pointer to the other. */
#ifndef TVM_RUNTIME_CRT_INTERNAL_COMMON_NDARRAY_H_
#define TVM_RUNTIME_CRT_INTERNAL_COMMON_NDARRAY_H_

#include <tvm/runtime/c_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TVMNDArray {
  DLTensor dl_tensor;
  uint32_t reference_count;
  uint32_t owns; /* TVM_NDARRAY_OWNS_...: what the last release gives back to the platform */
} TVMNDArray;

#define TVM_NDARRAY_OWNS_SHAPE 1u
#define TVM_NDARRAY_OWNS_DATA 2u
#define TVM_NDARRAY_OWNS_ITSELF 4u

/* Fills in a tensor of this shape without data. One reference; the shape is copied. */
int TVMNDArray_Create(int32_t ndim, const tvm_index_t* shape, DLDataType dtype, DLDevice dev,
                      TVMNDArray* array);

/* The same with data, whose content is not set. */
int TVMNDArray_Empty(int32_t ndim, const tvm_index_t* shape, DLDataType dtype, DLDevice dev,
                     TVMNDArray* array);

/* Reads a serialised array and moves *strm behind it. The caller vouches that the whole array is
 * there: the format says how long the data is, the interface does not say how long the stream is.
 */
int TVMNDArray_Load(TVMNDArray* ret, const char** strm);

/* Another shape over the data of arr, which must stay alive; the view must not be larger. */
int TVMNDArray_CreateView(TVMNDArray* arr, const tvm_index_t* shape, int32_t ndim, DLDataType dtype,
                          TVMNDArray* array_view);

/* Bytes of the data. */
int64_t TVMNDArray_DataSizeBytes(TVMNDArray* array);

/* Overwrites the data with bytes from TVMPlatformGenerateRandom. */
int TVMNDArray_RandomFill(TVMNDArray* array);

/* Adds a user. */
void TVMNDArray_IncrementReference(TVMNDArray* array);

/* Removes a user; the last one gives the memory back, latest allocation first. */
int TVMNDArray_Release(TVMNDArray* arr);

#ifdef __cplusplus
}
#endif

#endif /* TVM_RUNTIME_CRT_INTERNAL_COMMON_NDARRAY_H_ */

/* Tensors the runtime allocates, the array functions of the public interface on top of them, and
 * raw device memory. There is one kind of memory, so a copy is a memcpy. */
#include <string.h>
#include <tvm/runtime/crt/internal/common/config.h>
#include <tvm/runtime/crt/internal/common/ndarray.h>
#include <tvm/runtime/crt/platform.h>

#define ARRAY_MAGIC 0xDD5E40F096B4A13FULL

static int error(tvm_crt_error_t code, const char* message) {
  TVMAPISetLastError(message);
  return (int)code;
}

/* Bytes of a compact tensor, or -1 when the shape is negative or the size overflows. A lane takes
 * whole bytes. */
static int64_t size_in_bytes(int32_t ndim, const int64_t* shape, DLDataType dtype) {
  int64_t size = (int64_t)((dtype.bits + 7) / 8) * dtype.lanes;
  for (int32_t i = 0; i < ndim; i++) {
    if (shape[i] < 0) return -1;
    if (shape[i] != 0 && size > INT64_MAX / shape[i]) return -1;
    size *= shape[i];
  }
  return size;
}

static uint8_t* bytes_of(const DLTensor* tensor) {
  return (uint8_t*)tensor->data + (size_t)tensor->byte_offset;
}

/* An array handed out as a DLTensor: the tensor is the array's first member. */
static TVMNDArray* array_of(TVMArrayHandle handle) {
  return (TVMNDArray*)(void*)handle;
}

/* ---- making and releasing ---- */

int TVMNDArray_Create(int32_t ndim, const tvm_index_t* shape, DLDataType dtype, DLDevice dev,
                      TVMNDArray* array) {
  memset(array, 0, sizeof(*array));
  if (ndim < 0 || size_in_bytes(ndim, shape, dtype) < 0) {
    return error(kTvmErrorFunctionCallInvalidArg, "a shape is negative or too large");
  }
  array->dl_tensor.device = dev;
  array->dl_tensor.ndim = ndim;
  array->dl_tensor.dtype = dtype;
  array->reference_count = 1;
  if (ndim == 0) return 0;

  void* copy = NULL;
  const size_t shape_bytes = (size_t)ndim * sizeof(*shape);
  const tvm_crt_error_t status = TVMPlatformMemoryAllocate(shape_bytes, dev, &copy);
  if (status != kTvmErrorNoError) return error(status, "no memory for a shape");
  memcpy(copy, shape, shape_bytes);
  array->dl_tensor.shape = (int64_t*)copy;
  array->owns = TVM_NDARRAY_OWNS_SHAPE;
  return 0;
}

int TVMNDArray_Empty(int32_t ndim, const tvm_index_t* shape, DLDataType dtype, DLDevice dev,
                     TVMNDArray* array) {
  const int made = TVMNDArray_Create(ndim, shape, dtype, dev, array);
  if (made != 0) return made;
  const int64_t bytes = TVMNDArray_DataSizeBytes(array);
  tvm_crt_error_t status = kTvmErrorPlatformNoMemory;
  if ((uint64_t)bytes <= SIZE_MAX) {
    status = TVMPlatformMemoryAllocate((size_t)bytes, dev, &array->dl_tensor.data);
  }
  if (status != kTvmErrorNoError) {
    (void)TVMNDArray_Release(array);
    return error(status, "no memory for an array");
  }
  array->owns |= TVM_NDARRAY_OWNS_DATA;
  return 0;
}

int TVMNDArray_CreateView(TVMNDArray* arr, const tvm_index_t* shape, int32_t ndim, DLDataType dtype,
                          TVMNDArray* array_view) {
  const int64_t wanted = ndim < 0 ? -1 : size_in_bytes(ndim, shape, dtype);
  if (wanted < 0 || wanted > TVMNDArray_DataSizeBytes(arr)) {
    return error(kTvmErrorFunctionCallInvalidArg, "a view is larger than its array");
  }
  const int made = TVMNDArray_Create(ndim, shape, dtype, arr->dl_tensor.device, array_view);
  if (made != 0) return made;
  array_view->dl_tensor.data = arr->dl_tensor.data;
  array_view->dl_tensor.byte_offset = arr->dl_tensor.byte_offset;
  return 0;
}

void TVMNDArray_IncrementReference(TVMNDArray* array) {
  array->reference_count++;
}

/* Frees one allocation, unless an earlier one of the same release already failed. */
static tvm_crt_error_t free_unless_failed(tvm_crt_error_t status, void* memory, DLDevice device) {
  return status == kTvmErrorNoError ? TVMPlatformMemoryFree(memory, device) : status;
}

int TVMNDArray_Release(TVMNDArray* arr) {
  if (arr->reference_count == 0) {
    return error(kTvmErrorFunctionCallInvalidArg, "an array is released too often");
  }
  if (--arr->reference_count > 0) return 0;

  const DLDevice device = arr->dl_tensor.device;
  const uint32_t owns = arr->owns;
  tvm_crt_error_t status = kTvmErrorNoError;
  if (owns & TVM_NDARRAY_OWNS_DATA) {
    status = free_unless_failed(status, arr->dl_tensor.data, device);
  }
  if (owns & TVM_NDARRAY_OWNS_SHAPE) {
    status = free_unless_failed(status, arr->dl_tensor.shape, device);
  }
  arr->dl_tensor.data = NULL;
  arr->dl_tensor.shape = NULL;
  arr->owns = 0;
  if (owns & TVM_NDARRAY_OWNS_ITSELF) status = free_unless_failed(status, arr, device);
  return (int)status;
}

/* ---- content ---- */

int64_t TVMNDArray_DataSizeBytes(TVMNDArray* array) {
  const DLTensor* tensor = &array->dl_tensor;
  return size_in_bytes(tensor->ndim, tensor->shape, tensor->dtype);
}

int TVMNDArray_RandomFill(TVMNDArray* array) {
  const size_t bytes = (size_t)TVMNDArray_DataSizeBytes(array);
  return (int)TVMPlatformGenerateRandom(bytes_of(&array->dl_tensor), bytes);
}

TVM_WEAK tvm_crt_error_t TVMPlatformGenerateRandom(uint8_t* buffer, size_t num_bytes) {
  (void)buffer;
  (void)num_bytes;
  return kTvmErrorFunctionCallNotImplemented;
}

/* ---- the serialised form ---- */

/* Takes an unsigned number of `bytes` bytes, lowest first, from the stream. */
static uint64_t take(const char** stream, unsigned bytes) {
  uint64_t value = 0;
  for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)(unsigned char)(*stream)[i] << (8 * i);
  *stream += bytes;
  return value;
}

int TVMNDArray_Load(TVMNDArray* ret, const char** strm) {
  const char* at = *strm;
  tvm_index_t shape[TVM_CRT_MAX_NDIM];
  memset(ret, 0, sizeof(*ret));
  if (take(&at, 8) != ARRAY_MAGIC) {
    return error(kTvmErrorFunctionCallInvalidArg, "no serialised array begins here");
  }
  at += 8; /* reserved */
  /* One statement a field: C leaves the order of initialisers open. */
  DLDevice device;
  device.device_type = (DLDeviceType)take(&at, 4);
  device.device_id = (int32_t)take(&at, 4);
  const uint64_t ndim = take(&at, 4);
  if (device.device_type != kDLCPU || ndim > TVM_CRT_MAX_NDIM) {
    return error(kTvmErrorFunctionCallInvalidArg,
                 "a serialised array is not for the CPU or exceeds TVM_CRT_MAX_NDIM");
  }
  DLDataType dtype;
  dtype.code = (uint8_t)take(&at, 1);
  dtype.bits = (uint8_t)take(&at, 1);
  dtype.lanes = (uint16_t)take(&at, 2);
  for (uint64_t i = 0; i < ndim; i++) shape[i] = (tvm_index_t)take(&at, 8);
  const uint64_t bytes = take(&at, 8);
  if ((int64_t)bytes != size_in_bytes((int32_t)ndim, shape, dtype)) {
    return error(kTvmErrorFunctionCallInvalidArg, "a serialised array has the wrong size");
  }
  const int made = TVMNDArray_Empty((int32_t)ndim, shape, dtype, device, ret);
  if (made != 0) return made;
  memcpy(ret->dl_tensor.data, at, (size_t)bytes);
  *strm = at + bytes;
  return 0;
}

/* ---- arrays of the public interface ---- */

int TVMArrayAlloc(const tvm_index_t* shape, int ndim, int dtype_code, int dtype_bits,
                  int dtype_lanes, int device_type, int device_id, TVMArrayHandle* out) {
  const DLDataType dtype = {(uint8_t)dtype_code, (uint8_t)dtype_bits, (uint16_t)dtype_lanes};
  const DLDevice device = {(DLDeviceType)device_type, device_id};
  void* memory = NULL;
  *out = NULL;
  const tvm_crt_error_t status = TVMPlatformMemoryAllocate(sizeof(TVMNDArray), device, &memory);
  if (status != kTvmErrorNoError) return error(status, "no memory for an array");
  TVMNDArray* const array = (TVMNDArray*)memory;
  const int made = TVMNDArray_Empty(ndim, shape, dtype, device, array);
  if (made != 0) {
    (void)TVMPlatformMemoryFree(memory, device);
    return made;
  }
  array->owns |= TVM_NDARRAY_OWNS_ITSELF;
  *out = &array->dl_tensor;
  return 0;
}

int TVMArrayFree(TVMArrayHandle handle) {
  return TVMNDArray_Release(array_of(handle));
}

static int has_size(TVMArrayHandle handle, size_t nbytes) {
  return (uint64_t)TVMNDArray_DataSizeBytes(array_of(handle)) == (uint64_t)nbytes;
}

int TVMArrayCopyFromBytes(TVMArrayHandle handle, void* data, size_t nbytes) {
  if (!has_size(handle, nbytes)) {
    return error(kTvmErrorFunctionCallInvalidArg, "the array has another size");
  }
  memcpy(bytes_of(handle), data, nbytes);
  return 0;
}

int TVMArrayCopyToBytes(TVMArrayHandle handle, void* data, size_t nbytes) {
  if (!has_size(handle, nbytes)) {
    return error(kTvmErrorFunctionCallInvalidArg, "the array has another size");
  }
  memcpy(data, bytes_of(handle), nbytes);
  return 0;
}

/* ---- raw memory ---- */

int TVMDeviceAllocDataSpace(DLDevice dev, size_t nbytes, size_t alignment, DLDataType type_hint,
                            void** out_data) {
  (void)type_hint;
  const tvm_crt_error_t status = TVMPlatformMemoryAllocate(nbytes, dev, out_data);
  if (status != kTvmErrorNoError) return error(status, "no memory");
  if (alignment <= 1 || (uintptr_t)*out_data % alignment == 0) return 0;
  (void)TVMPlatformMemoryFree(*out_data, dev);
  *out_data = NULL;
  return error(kTvmErrorFunctionCallInvalidArg, "the platform's memory is not aligned that far");
}

int TVMDeviceAllocDataSpaceWithScope(DLDevice dev, int ndim, const int64_t* shape, DLDataType dtype,
                                     const char* mem_scope, void** out_data) {
  const int64_t bytes = ndim < 0 ? -1 : size_in_bytes(ndim, shape, dtype);
  *out_data = NULL;
  if (mem_scope != NULL && mem_scope[0] != '\0' && strcmp(mem_scope, "global") != 0) {
    return error(kTvmErrorFunctionCallNotImplemented, "the only memory scope is global");
  }
  if (bytes < 0 || (uint64_t)bytes > SIZE_MAX) {
    return error(kTvmErrorFunctionCallInvalidArg, "a shape is negative or too large");
  }
  return TVMDeviceAllocDataSpace(dev, (size_t)bytes, 1, dtype, out_data);
}

int TVMDeviceFreeDataSpace(DLDevice dev, void* ptr) {
  return (int)TVMPlatformMemoryFree(ptr, dev);
}

int TVMDeviceCopyDataFromTo(DLTensor* from, DLTensor* to, TVMStreamHandle stream) {
  (void)stream;
  const int64_t bytes = size_in_bytes(from->ndim, from->shape, from->dtype);
  const int compact_on_cpu = from->strides == NULL && to->strides == NULL &&
                             from->device.device_type == kDLCPU && to->device.device_type == kDLCPU;
  if (!compact_on_cpu || bytes < 0 || bytes != size_in_bytes(to->ndim, to->shape, to->dtype)) {
    return error(kTvmErrorFunctionCallInvalidArg,
                 "a copy needs two compact CPU tensors of the same size");
  }
  memmove(bytes_of(to), bytes_of(from), (size_t)bytes);
  return 0;
}

int TVMSynchronize(int device_type, int device_id, TVMStreamHandle stream) {
  (void)device_type;
  (void)device_id;
  (void)stream;
  return 0;
}

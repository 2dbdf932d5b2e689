/* The packed interface called as benchmarks do: no counts, no types, no ranks. */
#include "tensors.h"

extern int32_t tvmgen_default_run(TVMValue* args, int* type_codes, int num_args,
                                  TVMValue* out_value, int* out_type_code, void* resource_handle);

int main(void) {
  int i;
  set_arguments();
  for (i = 0; i < 4; i++) tensors[i].ndim = 0;
  EXPECT(tvmgen_default_run(values, NULL, 0, NULL, NULL, NULL) == 0);
  expect_outputs(data[2], data[3]);
  return result();
}

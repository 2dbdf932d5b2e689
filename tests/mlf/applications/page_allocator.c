/* Without static planning: the runtime's backend over the platform file that the archive brings as
 * a template, whose memory is a page allocator. platform.c is a copy of that template. */
#include <tvm/runtime/crt/platform.h>

#include "expect.h"
#include "tvmgen_default.h"

/* What crt_backend_api.c leans on and a C interface never calls. */
int TVMFuncRegisterGlobal(const char* name, void* function, int override) {
  (void)name, (void)function, (void)override;
  return -1;
}

int main(void) {
  int turn;
  float x[4], aux[3], y[4], z[1];
  struct tvmgen_default_inputs inputs = {x, aux};
  struct tvmgen_default_outputs outputs = {y, z};
  memcpy(x, kX, sizeof x);
  memcpy(aux, kAux, sizeof aux);
  EXPECT(TVMGEN_DEFAULT_WORKSPACE_SIZE > 0);
  EXPECT(tvmgen_default_run(&inputs, &outputs) != 0); /* no memory before the first call */
  EXPECT(TVMPlatformInitialize() == 0);
  for (turn = 0; turn < 100; turn++) { /* more than memory is there for, should any be lost */
    memset(y, 0xff, sizeof y);
    memset(z, 0xff, sizeof z);
    EXPECT(tvmgen_default_run(&inputs, &outputs) == 0);
    expect_outputs(y, z);
  }
  return result();
}

/* Pools that the application owns, exactly as large as the header says. */
#include "expect.h"
#include "tvmgen_default.h"

/* C has no arrays without elements, and a pool may turn out not to be needed. */
#define ROOM(size) ((size) > 0 ? (size) : 1)
GUARDED(dtcm, ROOM(TVMGEN_DEFAULT_DTCM_WORKSPACE_POOL_SIZE));
GUARDED(sram, ROOM(TVMGEN_DEFAULT_SRAM_WORKSPACE_POOL_SIZE));

int main(void) {
  float x[4], aux[3], y[4] = {0}, z[1] = {0};
  struct tvmgen_default_inputs inputs;
  struct tvmgen_default_outputs outputs;
  struct tvmgen_default_workspace_pools pools;
  memcpy(x, kX, sizeof x);
  memcpy(aux, kAux, sizeof aux);
  set_guards(dtcm.before, dtcm.after);
  set_guards(sram.before, sram.after);
  inputs.x = x;
  inputs.aux_0 = aux;
  outputs.output0 = y;
  outputs.output1 = z;
  pools.dtcm = dtcm.data;
  pools.sram = sram.data;
  EXPECT(TVMGEN_DEFAULT_WORKSPACE_SIZE ==
         TVMGEN_DEFAULT_DTCM_WORKSPACE_POOL_SIZE + TVMGEN_DEFAULT_SRAM_WORKSPACE_POOL_SIZE);
  EXPECT(tvmgen_default_run(&inputs, &outputs, &pools) == 0);
  expect_outputs(y, z);
  expect_guards(dtcm.before, dtcm.after);
  expect_guards(sram.before, sram.after);
  return result();
}

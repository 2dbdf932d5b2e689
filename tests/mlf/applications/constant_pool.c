/* Constants in a pool that the application owns, filled from the header. */
#include "expect.h"
#include "tvmgen_default.h"

static const uint8_t flash[TVMGEN_DEFAULT_FLASH_CONSTANT_POOL_SIZE]
    __attribute__((aligned(16))) = {TVMGEN_DEFAULT_FLASH_CONSTANT_POOL_DATA};

int main(void) {
  static uint8_t copy[sizeof flash] __attribute__((aligned(16)));
  float x[4], aux[3], y[4] = {0}, z[1] = {0};
  struct tvmgen_default_inputs inputs = {x, aux};
  struct tvmgen_default_outputs outputs = {y, z};
  struct tvmgen_default_workspace_pools pools;
  memcpy(x, kX, sizeof x);
  memcpy(aux, kAux, sizeof aux);
  memcpy(copy, flash, sizeof flash);
  pools.flash = copy;
  EXPECT(tvmgen_default_run(&inputs, &outputs, &pools) == 0);
  expect_outputs(y, z);
  EXPECT(memcmp(copy, flash, sizeof flash) == 0);
  return result();
}

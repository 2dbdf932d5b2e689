/* Outputs that no kernel writes. */
#include "expect.h"
#include "tvmgen_default.h"

int main(void) {
  static const float kTable[3] = {1, 2, 3};
  float x[4], aux[3], y[4] = {0}, z[1] = {0}, table[3] = {0}, input[3] = {0}, again[1] = {0};
  struct tvmgen_default_inputs inputs = {x, aux};
  struct tvmgen_default_outputs outputs = {y, z, table, input, again};
  memcpy(x, kX, sizeof x);
  memcpy(aux, kAux, sizeof aux);
  EXPECT(tvmgen_default_run(&inputs, &outputs) == 0);
  expect_outputs(y, z);
  expect_outputs(y, again);
  EXPECT(memcmp(table, kTable, sizeof table) == 0);
  EXPECT(memcmp(input, kAux, sizeof input) == 0);
  return result();
}

/* Two models in one program: no name of one may meet a name of the other. */
#include "expect.h"
#include "tvmgen_first.h"
#include "tvmgen_second.h"

int main(void) {
  float x[4], aux[3], y[2][4] = {{0}}, z[2][1] = {{0}};
  struct tvmgen_first_inputs first_inputs = {x, aux};
  struct tvmgen_first_outputs first_outputs = {y[0], z[0]};
  struct tvmgen_second_inputs second_inputs = {x, aux};
  struct tvmgen_second_outputs second_outputs = {y[1], z[1]};
  memcpy(x, kX, sizeof x);
  memcpy(aux, kAux, sizeof aux);
  EXPECT(tvmgen_first_run(&first_inputs, &first_outputs) == 0);
  EXPECT(tvmgen_second_run(&second_inputs, &second_outputs) == 0);
  expect_outputs(y[0], z[0]);
  expect_outputs(y[1], z[1]);
  return result();
}

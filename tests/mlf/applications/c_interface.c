/* The C interface: structs by name and by position, sizes from the macros. */
#include "expect.h"
#include "tvmgen_default.h"

GUARDED(x, TVMGEN_DEFAULT_X_SIZE);
GUARDED(aux, TVMGEN_DEFAULT_AUX_0_SIZE);
GUARDED(y, TVMGEN_DEFAULT_OUTPUT0_SIZE);
GUARDED(z, TVMGEN_DEFAULT_OUTPUT1_SIZE);

int main(void) {
  int turn;
  struct tvmgen_default_inputs by_position = {x.data, aux.data};
  struct tvmgen_default_outputs outputs;
  set_guards(x.before, x.after);
  set_guards(aux.before, aux.after);
  set_guards(y.before, y.after);
  set_guards(z.before, z.after);
  outputs.output0 = y.data;
  outputs.output1 = z.data;
  EXPECT(by_position.x == x.data && by_position.aux_0 == aux.data);
  EXPECT(TVMGEN_DEFAULT_X_SIZE == sizeof kX && TVMGEN_DEFAULT_AUX_0_SIZE == sizeof kAux);
  for (turn = 0; turn < 3; turn++) { /* no state is left behind */
    memcpy(x.data, kX, sizeof kX);
    memcpy(aux.data, kAux, sizeof kAux);
    memset(y.data, 0xff, sizeof y.data);
    memset(z.data, 0xff, sizeof z.data);
    EXPECT(tvmgen_default_run(&by_position, &outputs) == 0);
    expect_outputs(y.data, z.data);
    EXPECT(memcmp(x.data, kX, sizeof kX) == 0 && memcmp(aux.data, kAux, sizeof kAux) == 0);
  }
  expect_guards(x.before, x.after);
  expect_guards(aux.before, aux.after);
  expect_guards(y.before, y.after);
  expect_guards(z.before, z.after);
  return result();
}

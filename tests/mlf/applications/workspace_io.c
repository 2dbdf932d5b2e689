/* Inputs and outputs inside the workspace: the application finds them through the map functions. */
#include "expect.h"
#include "tvmgen_default.h"

GUARDED(workspace, TVMGEN_DEFAULT_WORKSPACE_SIZE);

int main(void) {
  struct tvmgen_default_workspace_pools pools;
  struct tvmgen_default_inputs inputs;
  struct tvmgen_default_outputs outputs;
  int turn;
  pools.POOL = workspace.data;
  set_guards(workspace.before, workspace.after);
  inputs = tvmgen_default_map_inputs(&pools);
  outputs = tvmgen_default_map_outputs(&pools);
  for (turn = 0; turn < 2; turn++) {
    memcpy(inputs.x, kX, TVMGEN_DEFAULT_X_SIZE);
    memcpy(inputs.aux_0, kAux, TVMGEN_DEFAULT_AUX_0_SIZE);
    EXPECT(tvmgen_default_run(&pools) == 0);
    expect_outputs(outputs.output0, outputs.output1);
  }
  expect_guards(workspace.before, workspace.after);
  return result();
}

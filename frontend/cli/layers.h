// Finds the first layer of a model whose numbers differ from the interpreter's.
#pragma once

#include <string>
#include <vector>

#include "frontend/cli/device.h"
#include "frontend/data/compare.h"

namespace mlfc {

/// `request` as the model was compiled, `inputs` in graph order. A sentence that names the layer
/// and how it differs; says so when no single layer does.
std::string first_deviating_layer(const Request& request, const DeviceRequest& device,
                                  const Tolerance& tolerance, const std::vector<Tensor>& inputs);

}  // namespace mlfc

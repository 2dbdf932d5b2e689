// Runs a request's model on tensors: in the interpreter, as C on this machine, or as C on the
// emulated board. What `run` and `validate` share.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "frontend/cli/arguments.h"
#include "frontend/cli/request.h"
#include "runtime/runner/runner.h"

namespace mlfc {

struct DeviceRequest {
  std::string name = "cpu";  ///< cpu, interpreter, qemu-riscv32
  BuildOptions build = {};
  RunOptions run = {};
};

/// --device, --cc, --cc-flags, --timeout.
OptionGroup device_options(const std::vector<std::string>& devices);
DeviceRequest parse_device(const Arguments& arguments);

/// A model ready to run; inputs and outputs in graph order.
using RunnableModel = std::function<std::vector<Tensor>(const std::vector<Tensor>& inputs)>;

/// The same on many samples, from as few runs of a program as there are calls.
using SampleRunner =
    std::function<std::vector<std::vector<Tensor>>(const std::vector<std::vector<Tensor>>&)>;

/// Packages a compiled graph for a compiler that is started right away: many constants are written
/// as binary unless the user chose a form.
void write_archive_to_run(const Graph& graph, const Request& request, const Machine& machine,
                          const std::string& tar);

/// Compiles `graph` (as imported) for the device; takes it over. The interpreter runs it as the
/// step named by request.pipeline.stop_after left it, or at the level of kernels.
RunnableModel prepare(std::unique_ptr<Graph> graph, const Request& request,
                      const DeviceRequest& device);

/// Likewise, as a program.
SampleRunner prepare_for_samples(std::unique_ptr<Graph> graph, const Request& request,
                                 const DeviceRequest& device);

}  // namespace mlfc

// Finds the files, matches their tensors to the model's inputs and takes batches apart.
#include "frontend/data/samples.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "frontend/data/compare.h"
#include "frontend/data/tensor_set.h"
#include "ir/error.h"

namespace mlfc {
namespace {

namespace fs = std::filesystem;

Tensor part_of(const Tensor& tensor, const TensorType& type, int64_t index) {
  Tensor part(type);
  std::memcpy(part.bytes.data(), tensor.bytes.data() + index * type.storage_bytes(),
              static_cast<size_t>(type.storage_bytes()));
  return part;
}

/// How many samples of `type` a tensor of that shape holds; -1 when it does not fit.
int64_t count_in(const Shape& data, const Shape& sample) {
  if (data == sample) return 1;
  const Shape rest(data.empty() ? data.begin() : data.begin() + 1, data.end());
  if (rest == sample) return data[0];  // stacked
  const bool has_batch = !sample.empty() && !data.empty();
  const Shape inner(sample.empty() ? sample.begin() : sample.begin() + 1, sample.end());
  if (has_batch && rest == inner && sample[0] > 0 && data[0] % sample[0] == 0) {
    return data[0] / sample[0];  // concatenated
  }
  if (has_batch && sample[0] == 1 && data == inner) return 1;  // without the batch of one
  return -1;
}

void check_numbers(const Tensor& tensor, const std::string& where) {
  if (!is_float(tensor.type.dtype)) return;
  for (int64_t i = 0; i < tensor.type.elements(); ++i) {
    if (std::isfinite(tensor.real(i))) continue;
    fail(where, "element ", i, " is ", tensor.real(i),
         "; data to calibrate with must be finite numbers");
  }
}

std::vector<Tensor> samples_in(const Tensor& recorded, const InputSpec& input,
                               const std::string& where) {
  Tensor tensor = as_recorded_for(input.type.dtype, recorded);
  if (is_float(input.type.dtype) && is_float(tensor.type.dtype)) {
    tensor = converted(tensor, input.type.dtype);
  }
  if (tensor.type.dtype != input.type.dtype) {
    fail(where, "holds ", recorded.type, " but input '", input.name, "' is ", input.type);
  }
  const int64_t count = count_in(tensor.type.shape, input.type.shape);
  if (count < 0) {
    fail(where, "holds ", recorded.type, ", which is neither a sample of input '", input.name,
         "', ", input.type, ", nor several along axis 0");
  }
  if (count == 0 || tensor.type.elements() == 0) fail(where, "holds no samples: ", recorded.type);
  check_numbers(tensor, where);
  std::vector<Tensor> samples;
  for (int64_t i = 0; i < count; ++i) samples.push_back(part_of(tensor, input.type, i));
  return samples;
}

std::vector<std::string> names_of(const std::vector<InputSpec>& inputs) {
  std::vector<std::string> names;
  for (const InputSpec& input : inputs) names.push_back(input.name);
  return names;
}

/// One tensor for each input, each holding equally many samples.
void add_set(const TensorSet& set, const std::vector<InputSpec>& inputs, SampleSet& samples) {
  if (set.tensors.empty()) fail(set.where, "holds no .npy, .npz or .pb files");
  std::vector<const Tensor*> tensors;
  if (inputs.size() == 1 && set.tensors.size() == 1) {
    tensors = {&set.tensors[0].tensor};  // whatever it is called
  } else {
    tensors = match(set, names_of(inputs));
  }
  std::vector<std::vector<Tensor>> columns;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (tensors[i] == nullptr) fail(set.where, "holds no data for input '", inputs[i].name, "'");
    columns.push_back(samples_in(*tensors[i], inputs[i], set.where + "[" + inputs[i].name + "]"));
    if (columns[i].size() == columns[0].size()) continue;
    fail(set.where, "holds ", columns[0].size(), " samples of '", inputs[0].name, "' but ",
         columns[i].size(), " of '", inputs[i].name, "'");
  }
  for (size_t sample = 0; !columns.empty() && sample < columns[0].size(); ++sample) {
    std::vector<Tensor> tuple;
    for (std::vector<Tensor>& column : columns) tuple.push_back(std::move(column[sample]));
    samples.sets.push_back(std::move(tuple));
  }
}

struct Folder {
  std::vector<fs::path> folders = {}, archives = {}, tensors = {};
};

Folder list(const std::string& path) {
  Folder folder;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    const fs::path extension = entry.path().extension();
    if (entry.is_directory()) folder.folders.push_back(entry.path());
    if (extension == ".npz") folder.archives.push_back(entry.path());
    if (extension == ".npy" || extension == ".pb") folder.tensors.push_back(entry.path());
  }
  if (error) fail(path, "cannot be read: ", error.message());
  for (auto* paths : {&folder.folders, &folder.archives, &folder.tensors}) {
    std::ranges::sort(*paths);
  }
  return folder;
}

/// Where folders of outputs lie beside those of inputs, the latter are called so.
std::vector<fs::path> with_inputs(const std::vector<fs::path>& folders) {
  std::vector<fs::path> inputs;
  for (const fs::path& folder : folders) {
    if (folder.filename().string().starts_with("input")) inputs.push_back(folder);
  }
  return inputs.empty() ? folders : inputs;
}

/// Outputs that are kept beside inputs are called so.
bool is_output(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with("output") || name.starts_with("expected");
}

void add_files(const std::string& path, const Folder& folder, const std::vector<InputSpec>& inputs,
               SampleSet& samples) {
  TensorSet set{path, {}};
  for (const fs::path& file : folder.tensors) {
    if (is_output(file)) continue;
    TensorSet one = read_tensor_set(file.string());
    if (inputs.size() == 1) add_set(one, inputs, samples);
    set.tensors.push_back(std::move(one.tensors[0]));
  }
  if (inputs.size() > 1) add_set(set, inputs, samples);
}

}  // namespace

SampleSet read_samples(const std::string& path, const std::vector<InputSpec>& inputs, size_t most) {
  if (inputs.empty()) fail(path, "the model has no inputs to give data to");
  SampleSet samples{path, {}};
  if (!fs::is_directory(path)) {
    add_set(read_tensor_set(path), inputs, samples);
  } else {
    const Folder folder = list(path);
    for (const fs::path& file : folder.archives) {
      if (samples.sets.size() < most) add_set(read_tensor_set(file.string()), inputs, samples);
    }
    if (!folder.tensors.empty()) {
      add_files(path, folder, inputs, samples);
    }
    for (const fs::path& sub : with_inputs(folder.folders)) {
      const Folder files = list(sub.string());
      if (samples.sets.size() >= most || files.tensors.empty()) continue;
      add_files(sub.string(), files, inputs, samples);
    }
  }
  if (samples.sets.empty()) fail(path, "holds no samples");
  if (samples.sets.size() > most) samples.sets.resize(most);
  return samples;
}

}  // namespace mlfc

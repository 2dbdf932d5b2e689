// Finds test cases in folders.
#include "frontend/cli/cases.h"

#include <algorithm>
#include <filesystem>

#include "frontend/cli/model.h"
#include "ir/error.h"

namespace mlfc {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) entries.push_back(entry.path());
  if (error) fail(folder.string(), "cannot be read: ", error.message());
  // By length first: set 10 comes after set 9.
  std::ranges::sort(entries, [](const fs::path& a, const fs::path& b) {
    const std::string& x = a.native();
    const std::string& y = b.native();
    return x.size() != y.size() ? x.size() < y.size() : x < y;
  });
  return entries;
}

/// Sets inside a model's folder.
std::vector<TestSet> sets_in(const fs::path& folder) {
  std::vector<TestSet> sets;
  // One case a folder, inputs and exact outputs beside the model.
  if (fs::exists(folder / "golden_0.npy")) {
    sets.push_back({"golden", folder.string(), "input_", folder.string(), "golden_"});
  }
  for (const fs::path& entry : sorted_entries(folder)) {
    const std::string name = entry.filename().string();
    if (!fs::is_directory(entry)) continue;
    const bool is_recorded = name.starts_with("rand_") || name.starts_with("real_");
    if (name.starts_with("test_data_set_") || is_recorded) {
      sets.push_back({name, entry.string(), "input_", entry.string(), "output_"});
    }
    if (name == "inputs" || name.starts_with("inputs_")) {
      const std::string suffix = name.substr(6);
      fs::path outputs = folder / ("expected" + suffix);
      if (!fs::is_directory(outputs)) outputs = folder / ("outputs" + suffix);
      if (fs::is_directory(outputs)) {
        sets.push_back({name, entry.string(), "", outputs.string(), ""});
      }
    }
  }
  return sets;
}

/// Sets beside a model file.
std::vector<TestSet> sets_beside(const fs::path& model) {
  const fs::path base = model.parent_path() / model.stem();
  const std::string inputs = base.string() + ".npz";
  const std::string outputs = base.string() + ".ref.npz";
  if (fs::exists(inputs) && fs::exists(outputs)) {
    return {{model.stem().string(), inputs, "", outputs, ""}};
  }
  const std::string prefix = model.stem().string() + "_output_";
  if (fs::exists(base.string() + "_output_0.pb")) {
    const fs::path folder = model.has_parent_path() ? model.parent_path() : fs::path(".");
    return {{model.stem().string(), "", "", folder.string(), prefix}};
  }
  return {};
}

const char* const model_files[] = {"model_static.onnx", "model.onnx", "model.tflite"};

void collect(const fs::path& folder, std::vector<TestCase>& cases) {
  for (const char* file : model_files) {
    if (!fs::is_regular_file(folder / file)) continue;
    cases.push_back({folder.string(), (folder / file).string(), sets_in(folder)});
    return;
  }
  for (const fs::path& entry : sorted_entries(folder)) {
    if (fs::is_directory(entry)) {
      collect(entry, cases);
    } else if (is_model_name(entry.string())) {
      const std::vector<TestSet> sets = sets_beside(entry);
      if (!sets.empty()) cases.push_back({entry.string(), entry.string(), sets});
    }
  }
}

TensorSet read(const std::string& place, const std::string& prefix) {
  if (!fs::is_directory(place)) return read_tensor_set(place);
  TensorSet set = read_tensor_set(place, prefix);
  // `golden_0` is output 0, and so on.
  for (NamedTensor& entry : set.tensors) {
    if (prefix == "golden_") entry.name = "output_" + entry.name.substr(prefix.size());
  }
  // `light_x_output_0` beside `light_x.onnx`: the model's name is no part of the tensor's.
  if (prefix.ends_with("_output_")) {
    for (NamedTensor& entry : set.tensors) {
      entry.name = entry.name.substr(prefix.size() - std::string("output_").size());
    }
  }
  return set;
}

}  // namespace

TensorSet TestSet::read_inputs() const {
  return read(inputs, inputs_prefix);
}

TensorSet TestSet::read_outputs() const {
  return read(outputs, outputs_prefix);
}

std::vector<TestCase> find_cases(const std::string& path) {
  std::vector<TestCase> cases;
  std::error_code error;
  if (fs::is_regular_file(path, error)) {
    std::vector<TestSet> sets = sets_beside(path);
    const fs::path folder = fs::path(path).has_parent_path() ? fs::path(path).parent_path() : ".";
    if (sets.empty()) sets = sets_in(folder);
    cases.push_back({path, path, sets});
  } else if (fs::is_directory(path, error)) {
    collect(path, cases);
  } else {
    fail(path, "does not exist");
  }
  if (cases.empty()) fail(path, "holds no model with test data");
  std::ranges::sort(cases, {}, &TestCase::name);
  return cases;
}

}  // namespace mlfc

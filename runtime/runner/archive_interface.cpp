// Reads archives the way their users do: by the documented paths, names and one-line grammar.
#include "runtime/runner/archive_interface.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "ir/error.h"

namespace mlfc {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("", "the archive has no ", path.filename().string());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// C identifiers come from names by replacing every byte that is not alphanumeric; a `_` may be put
/// in front of names that would be none after that.
std::string plain(const std::string& name) {
  std::string result;
  for (const char c : name) result += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return result;
}

struct RelayTensor {
  std::string name = {};
  TensorType type = {};
};

struct RelayLine {
  std::vector<RelayTensor> inputs = {};
  std::vector<RelayTensor> outputs = {};
};

/// Every `Tensor[(1, 2), float32]` of `text`, with the `%name:` before it if there is one.
std::vector<RelayTensor> tensors_in(const std::string& text) {
  static const std::regex pattern(
      R"((?:%([A-Za-z0-9_]+)\s*:\s*)?Tensor\[\(([0-9, ]*)\),\s*([A-Za-z0-9_]+)\])");
  std::vector<RelayTensor> tensors;
  for (auto it = std::sregex_iterator(text.begin(), text.end(), pattern);
       it != std::sregex_iterator(); ++it) {
    RelayTensor tensor;
    tensor.name = (*it)[1];
    const std::optional<DType> dtype = dtype_named(std::string((*it)[3]));
    if (!dtype) fail("", "the archive has a tensor of type ", std::string((*it)[3]));
    tensor.type.dtype = *dtype;
    std::istringstream dims((*it)[2]);
    for (std::string dim; std::getline(dims, dim, ',');) {
      if (dim.find_first_not_of(' ') != std::string::npos) {
        tensor.type.shape.push_back(std::stoll(dim));
      }
    }
    element_count(tensor.type.shape);
    tensors.push_back(tensor);
  }
  return tensors;
}

RelayLine parse_relay(const fs::path& path) {
  std::istringstream text(text_of(path));
  std::string line;
  while (std::getline(text, line) && line.find("def @main(") == std::string::npos) {
  }
  const size_t arrow = line.find(") -> ");
  if (arrow == std::string::npos)
    fail("", "the archive's ", path.filename().string(), " has no line 'def @main(...) -> ... {'");
  RelayLine relay;
  relay.inputs = tensors_in(line.substr(0, arrow));
  relay.outputs = tensors_in(line.substr(arrow));
  std::erase_if(relay.inputs, [](const RelayTensor& tensor) {
    return tensor.name.find("v_param") != std::string::npos;  // parameters that are linked in
  });
  return relay;
}

/// Members of `struct NAME { void* a; void* b; };` in order.
std::vector<std::string> members_of(const std::string& header, const std::string& name) {
  std::vector<std::string> members;
  const std::string head = "struct " + name + " {";
  const size_t begin = header.find(head);
  if (begin == std::string::npos) return members;
  const size_t end = header.find("};", begin);
  static const std::regex pattern(R"(void\s*\*\s*([A-Za-z_0-9]+)\s*;)");
  const std::string body = header.substr(begin + head.size(), end - begin - head.size());
  for (auto it = std::sregex_iterator(body.begin(), body.end(), pattern);
       it != std::sregex_iterator(); ++it) {
    members.push_back((*it)[1]);
  }
  return members;
}

std::vector<ArchiveTensor> tensors_of(const std::vector<RelayTensor>& relay,
                                      const std::vector<std::string>& members,
                                      const nlohmann::json& metadata, const char* what) {
  // C has no empty structs: without inputs there is one member that stands for nothing.
  if (relay.empty()) return {};
  if (!members.empty() && members.size() != relay.size()) {
    fail("", "the archive's header has ", members.size(), " ", what, ", its relay text ",
         relay.size());
  }
  std::vector<ArchiveTensor> tensors;
  for (size_t i = 0; i < relay.size(); ++i) {
    ArchiveTensor tensor;
    tensor.type = relay[i].type;
    tensor.member = !members.empty() ? members[i] : relay[i].name;
    tensor.name = tensor.member;
    // metadata.json has the model's own spelling.
    for (const auto& [name, entry] : metadata.items()) {
      if (plain(name) == tensor.member || "_" + plain(name) == tensor.member) tensor.name = name;
    }
    tensors.push_back(tensor);
  }
  return tensors;
}

/// Outputs carry no names in the relay line; without a header they are called as metadata does.
void name_outputs(std::vector<ArchiveTensor>& outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].name.empty()) continue;
    outputs[i].name = outputs.size() == 1 ? "output" : "output" + std::to_string(i);
    outputs[i].member = outputs[i].name;
  }
}

void read_header(const std::string& header, ArchiveInterface& interface) {
  const std::string prefix = "tvmgen_" + interface.module;
  interface.io_in_workspace = header.find(prefix + "_map_inputs(") != std::string::npos;
  interface.has_devices = !members_of(header, prefix + "_devices").empty();
  for (const std::string& member : members_of(header, prefix + "_workspace_pools")) {
    std::string upper = "TVMGEN_" + interface.module + "_" + member;
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    ArchivePool pool{member, upper + "_WORKSPACE_POOL_SIZE", ""};
    if (header.find("#define " + upper + "_CONSTANT_POOL_DATA") != std::string::npos) {
      pool.size_macro = upper + "_CONSTANT_POOL_SIZE";
      pool.data_macro = upper + "_CONSTANT_POOL_DATA";
    }
    interface.pools.push_back(pool);
  }
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

ArchiveInterface read_archive_interface(const fs::path& folder) {
  const nlohmann::json metadata =
      nlohmann::json::parse(text_of(folder / "metadata.json"), nullptr, false);
  if (!metadata.is_object() || !metadata.contains("modules") || metadata["modules"].size() != 1) {
    fail("", "the archive's metadata.json is damaged or names several modules");
  }
  const std::string module = metadata["modules"].begin().key();
  ArchiveInterface interface;
  interface.module = lower(module);
  nlohmann::json main;
  try {
    main = metadata["modules"][module]["memory"]["functions"]["main"].at(0);
    interface.workspace_bytes = main.at("workspace_size_bytes").get<int64_t>();
  } catch (const nlohmann::json::exception&) {
    fail("", "the archive's metadata.json does not describe its main function");
  }
  const nlohmann::json targets = metadata["modules"][module].value("target", nlohmann::json());
  if (targets.is_array() && !targets.empty() && targets[0].is_string()) {
    interface.target = targets[0].get<std::string>();
  }
  const RelayLine relay = parse_relay(folder / "src" / (module + ".relay"));

  std::vector<std::string> input_members, output_members;
  const fs::path header = folder / "codegen/host/include" / ("tvmgen_" + module + ".h");
  interface.packed = !fs::exists(header);
  if (!interface.packed) {
    const std::string text = text_of(header);
    const std::string prefix = "tvmgen_" + interface.module;
    input_members = members_of(text, prefix + "_inputs");
    output_members = members_of(text, prefix + "_outputs");
    read_header(text, interface);
  }
  const nlohmann::json none = nlohmann::json::object();
  interface.inputs = tensors_of(relay.inputs, input_members,
                                main.contains("inputs") ? main["inputs"] : none, "inputs");
  interface.outputs = tensors_of(relay.outputs, output_members,
                                 main.contains("outputs") ? main["outputs"] : none, "outputs");
  name_outputs(interface.outputs);
  return interface;
}

void unpack_archive(const std::string& tar, const fs::path& folder) {
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_read_support_format_tar(reader.get());
  if (archive_read_open_filename(reader.get(), tar.c_str(), 1 << 16) != ARCHIVE_OK) {
    fail("", "Could not read model from archive ", tar, ": ", archive_error_string(reader.get()));
  }
  archive_entry* entry = nullptr;
  for (;;) {
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN) {
      fail("", "Could not read model from archive ", tar, ": ", archive_error_string(reader.get()));
    }
    const fs::path name = fs::path(archive_entry_pathname(entry)).lexically_normal();
    const bool leaves = name.is_absolute() || (!name.empty() && *name.begin() == "..");
    if (leaves) fail(tar, "the member '", name.string(), "' lies outside the archive");
    const fs::path place = folder / name;
    if (archive_entry_filetype(entry) == AE_IFDIR) {
      fs::create_directories(place);
      continue;
    }
    if (archive_entry_filetype(entry) != AE_IFREG) {
      fail(tar, "the member '", name.string(), "' is neither a file nor a directory");
    }
    fs::create_directories(place.parent_path());
    std::ofstream file(place, std::ios::binary);
    char buffer[65536];
    for (;;) {
      const la_ssize_t count = archive_read_data(reader.get(), buffer, sizeof buffer);
      if (count == 0) break;
      if (count < 0) fail(tar, "is damaged: ", archive_error_string(reader.get()));
      file.write(buffer, count);
    }
    if (!file.flush()) fail(place.string(), "cannot be written");
  }
}

}  // namespace mlfc

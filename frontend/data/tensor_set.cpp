// Reads and matches sets of tensors. The zip container of .npz is libarchive's business.
#include "frontend/data/tensor_set.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <memory>
#include <optional>

#include "frontend/data/file.h"
#include "frontend/data/npy.h"
#include "frontend/onnx/export.h"
#include "ir/error.h"

namespace mlfc {
namespace {

namespace fs = std::filesystem;

constexpr size_t max_member_bytes = size_t{1} << 31;

using Reader = std::unique_ptr<archive, int (*)(archive*)>;
using Writer = std::unique_ptr<archive, int (*)(archive*)>;

std::string read_member(archive& zip, const std::string& where) {
  std::string bytes;
  char buffer[65536];
  for (;;) {
    const la_ssize_t count = archive_read_data(&zip, buffer, sizeof buffer);
    if (count == 0) return bytes;
    if (count < 0) fail(where, "is damaged: ", archive_error_string(&zip));
    if (bytes.size() + static_cast<size_t>(count) > max_member_bytes) {
      fail(where, "unpacks to more than 2 GiB");
    }
    bytes.append(buffer, static_cast<size_t>(count));
  }
}

std::vector<NamedTensor> read_npz(const std::string& path) {
  const std::string file = read_file(path);
  const Reader zip(archive_read_new(), archive_read_free);
  archive_read_support_format_zip(zip.get());
  if (archive_read_open_memory(zip.get(), file.data(), file.size()) != ARCHIVE_OK) {
    fail(path, "is not a .npz file: ", archive_error_string(zip.get()));
  }
  std::vector<NamedTensor> tensors;
  archive_entry* entry = nullptr;
  for (;;) {
    const int status = archive_read_next_header(zip.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN) fail(path, "is not a .npz file: ", archive_error_string(zip.get()));
    const char* member = archive_entry_pathname(entry);
    std::string name = member == nullptr ? "" : member;
    if (!name.ends_with(".npy")) fail(path, "holds '", name, "', which is no .npy member");
    name.resize(name.size() - 4);
    const std::string where = path + "[" + name + "]";
    tensors.push_back({name, read_npy(read_member(*zip, where), where)});
  }
  return tensors;
}

NamedTensor read_one(const fs::path& path) {
  const std::string bytes = read_file(path.string());
  const std::string name = path.stem().string();
  if (path.extension() == ".npy") return {name, read_npy(bytes, path.string())};
  // A .pb carries a name of its own, but ONNX's test data is in order of the files' numbers.
  return {name, read_onnx_tensor(bytes, path.string()).tensor};
}

bool is_tensor_file(const fs::path& path) {
  return path.extension() == ".npy" || path.extension() == ".pb";
}

/// The number at the end of `input_12`, `output3`, `arr_0`.
std::optional<size_t> number_of(const std::string& name) {
  size_t begin = name.size();
  while (begin > 0 && std::isdigit(static_cast<unsigned char>(name[begin - 1]))) --begin;
  std::string stem = name.substr(0, begin);
  if (stem.ends_with('_')) stem.pop_back();
  const bool known = stem == "input" || stem == "output" || stem == "arr";
  if (known && begin == name.size() && stem != "arr") return 0;  // just `input`, `output`
  if (!known || begin == name.size() || name.size() - begin > 6) return std::nullopt;
  return std::stoul(name.substr(begin));
}

std::string identifier_of(const std::string& name) {
  std::string result = name;
  for (char& c : result) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return result;
}

using Matches = std::vector<const Tensor*>;

/// Places every tensor with `place_of`; nullopt when one has no place or shares it.
template <typename PlaceOf>
std::optional<Matches> place_all(const TensorSet& set, size_t count, const PlaceOf& place_of) {
  Matches matches(count, nullptr);
  for (const NamedTensor& entry : set.tensors) {
    const std::optional<size_t> place = place_of(entry.name);
    if (!place || *place >= count || matches[*place] != nullptr) return std::nullopt;
    matches[*place] = &entry.tensor;
  }
  return matches;
}

template <typename Spelling>
std::optional<Matches> match_spelled(const TensorSet& set, const std::vector<std::string>& names,
                                     const Spelling& spelling) {
  return place_all(set, names.size(), [&](const std::string& name) -> std::optional<size_t> {
    const auto same = [&](const std::string& other) { return spelling(other) == spelling(name); };
    const auto found = std::ranges::find_if(names, same);
    if (found == names.end()) return std::nullopt;
    return static_cast<size_t>(found - names.begin());
  });
}

std::string quoted_list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "'" : ", '") + name + "'";
  return "[" + text + "]";
}

void write_npz(const std::string& path, const std::vector<NamedTensor>& tensors) {
  write_through_temporary(path, [&](const std::string& temporary) {
    const Writer zip(archive_write_new(), archive_write_free);
    const auto expect = [&](int status) {
      if (status < ARCHIVE_WARN) {
        fail(path, "cannot be written: ", archive_error_string(zip.get()));
      }
    };
    expect(archive_write_set_format_zip(zip.get()));
    expect(archive_write_zip_set_compression_store(zip.get()));
    expect(archive_write_open_filename(zip.get(), temporary.c_str()));
    for (const NamedTensor& entry : tensors) {
      const std::string bytes = npy_bytes(entry.tensor);
      const std::unique_ptr<archive_entry, void (*)(archive_entry*)> header(archive_entry_new(),
                                                                            archive_entry_free);
      archive_entry_set_pathname(header.get(), (entry.name + ".npy").c_str());
      archive_entry_set_size(header.get(), static_cast<la_int64_t>(bytes.size()));
      archive_entry_set_filetype(header.get(), AE_IFREG);
      archive_entry_set_perm(header.get(), 0644);
      archive_entry_set_mtime(header.get(), 315532800, 0);  // 1980, the zip format's first day
      expect(archive_write_header(zip.get(), header.get()));
      const la_ssize_t written = archive_write_data(zip.get(), bytes.data(), bytes.size());
      expect(written == static_cast<la_ssize_t>(bytes.size()) ? ARCHIVE_OK : ARCHIVE_FATAL);
    }
    expect(archive_write_close(zip.get()));
  });
}

void write_one(const fs::path& path, const NamedTensor& entry) {
  const bool is_onnx = path.extension() == ".pb";
  write_file(path.string(),
             is_onnx ? export_onnx_tensor(entry.tensor, entry.name) : npy_bytes(entry.tensor));
}

/// ONNX's test data: a folder of input_0.pb, output_0.pb, ...
bool holds_onnx_tensors(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".pb") return true;
  }
  return false;
}

}  // namespace

TensorSet read_tensor_set(const std::string& path) {
  if (fs::is_directory(path)) return read_tensor_set(path, "");
  const fs::path file(path);
  if (file.extension() == ".npz") return {path, read_npz(path)};
  if (is_tensor_file(file)) return {path, {read_one(file)}};
  fail(path,
       fs::exists(file) ? "is no .npz, .npy or .pb file and no folder of such" : "does not exist");
}

TensorSet read_tensor_set(const std::string& folder, const std::string& prefix) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const bool wanted = entry.path().filename().string().starts_with(prefix);
    if (wanted && is_tensor_file(entry.path())) files.push_back(entry.path());
  }
  if (error) fail(folder, "cannot be read: ", error.message());
  std::ranges::sort(files);
  TensorSet set{folder, {}};
  for (const fs::path& file : files) set.tensors.push_back(read_one(file));
  return set;
}

void write_tensor_set(const std::string& path, const std::vector<NamedTensor>& tensors) {
  std::error_code error;
  if (fs::path(path).extension() == ".npz") return write_npz(path, tensors);
  if (is_tensor_file(path) && !fs::is_directory(path, error)) {
    if (tensors.size() != 1) {
      fail(path, "holds one tensor, but there are ", tensors.size(), "; name a .npz or a folder");
    }
    return write_one(path, tensors.front());
  }
  fs::create_directories(path, error);
  if (error) fail(path, "cannot be created: ", error.message());
  const char* extension = holds_onnx_tensors(path) ? ".pb" : ".npy";
  for (const NamedTensor& entry : tensors) {
    write_one(fs::path(path) / (file_name_of(entry.name) + extension), entry);
  }
}

std::string file_name_of(const std::string& tensor_name) {
  std::string name = tensor_name;
  for (char& c : name) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
    if (!plain) c = '_';
  }
  return name;
}

std::vector<const Tensor*> match(const TensorSet& set, const std::vector<std::string>& names) {
  const auto as_it_is = [](const std::string& name) { return name; };
  if (auto matches = match_spelled(set, names, as_it_is)) return *matches;
  if (auto matches = match_spelled(set, names, file_name_of)) return *matches;
  if (auto matches = match_spelled(set, names, identifier_of)) return *matches;
  if (auto matches = place_all(set, names.size(), number_of)) return *matches;
  for (const NamedTensor& entry : set.tensors) {
    if (std::ranges::find(names, entry.name) != names.end()) continue;
    fail(set.where, "the tensor '", entry.name,
         "' is not in the graph. Expected: ", quoted_list(names));
  }
  fail(set.where, "its tensors do not belong to ", quoted_list(names), " one to one");
}

}  // namespace mlfc

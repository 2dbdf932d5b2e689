// Puts an archive together: which files there are for which request, and in which order.
#include "codegen/mlf/package.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <set>

#include "codegen/mlf/model.h"
#include "codegen/mlf/names.h"
#include "codegen/mlf/runtime_files.h"
#include "codegen/mlf/writers.h"
#include "ir/error.h"

namespace mlfc {
namespace {

using Files = std::map<std::string, std::string>;

const std::string kSources = "codegen/host/src/";

void add_runtime(Files& files) {
  for (const RuntimeFile& file : runtime_files()) files[std::string(file.path)] = file.bytes;
}

void add_sources(Files& files, const PackagedModel& model) {
  const std::string stem = kSources + model.module;
  files[stem + "_lib0.c"] = entry_source(model);
  const bool has_table_file = !model.has_c_interface() && !model.options.unpacked_api;
  if (has_table_file) files[stem + "_lib1.c"] = metadata_table_source(model);
  files[stem + (has_table_file ? "_lib2.c" : "_lib1.c")] = kernels_source(model);
  if (!has_constants_file(model)) return;
  files[stem + "_constants.S"] = constants_assembler(model);
  for (size_t i = 0; i < model.pools.size(); i++) {
    if (!model.pools[i].is_constant) continue;
    files[kSources + constants_file_name(model)] = constant_pool_bytes(model, i);
  }
}

// A directory sorts before what is in it because '/' sorts before all characters names start with;
// std::map gives the order, this adds the directories.
Archive archive_of(Files files) {
  std::set<std::string> directories;
  for (const auto& [path, bytes] : files) {
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      directories.insert(path.substr(0, slash));
    }
  }
  Archive archive = {{.path = ".", .is_directory = true}};
  for (const std::string& directory : directories) {
    archive.push_back({.path = "./" + directory, .is_directory = true});
  }
  for (auto& [path, bytes] : files) {
    archive.push_back({.path = "./" + path, .bytes = std::move(bytes)});
  }
  std::stable_sort(archive.begin(), archive.end(),
                   [](const ArchiveMember& a, const ArchiveMember& b) { return a.path < b.path; });
  return archive;
}

void verify_alignment(const std::string& flag, int64_t alignment) {
  constexpr int64_t kLargest = 65536;
  const bool is_power_of_two = alignment > 0 && (alignment & (alignment - 1)) == 0;
  if (!is_power_of_two || alignment > kLargest) {
    fail(flag, "alignment ", alignment, " is not a power of two up to ", kLargest);
  }
}

void verify_pools(const PackageOptions& options) {
  std::set<std::string> names;
  for (const std::vector<ExternalPool>* pools :
       {&options.workspace_pools, &options.constant_pools}) {
    for (const ExternalPool& pool : *pools) {
      if (pool.name.empty()) fail("--workspace-pools", "a pool needs a name");
      if (!names.insert(pool.name).second) {
        fail("--workspace-pools", "pool '", pool.name, "' is declared twice");
      }
    }
  }
}

}  // namespace

int64_t timestamp_from_environment() {
  const char* text = std::getenv("SOURCE_DATE_EPOCH");
  if (!text || !*text) return PackageOptions{}.timestamp;
  const std::string_view digits(text);
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), seconds);
  // Tar has eleven octal digits for the time.
  constexpr int64_t kLatest = 077777777777;
  if (error != std::errc() || end != digits.end() || seconds < 0 || seconds > kLatest) {
    fail("SOURCE_DATE_EPOCH", "'", comment_line(digits), "' is not a number of seconds since 1970");
  }
  return seconds;
}

void verify_options(const PackageOptions& options) {
  module_symbol(options.module_name);
  if (options.executor != "aot") {
    fail("--executor", "'", options.executor, "' is not supported; use --executor aot");
  }
  if (options.runtime != "crt") {
    fail("--runtime", "'", options.runtime, "' is not supported; use --runtime crt");
  }
  const std::string& interface = options.interface_api;
  if (interface != "c" && interface != "packed") {
    fail("--executor-aot-interface-api", "'", interface, "' is neither 'c' nor 'packed'");
  }
  if (interface == "c" && !options.unpacked_api) {
    throw UserError(
        "Either need interface_api == \"packed\" (got: c) or unpacked-api == true (got: 0) when "
        "targeting c runtime; add --executor-aot-unpacked-api=1");
  }
  if (options.io_in_workspace && interface != "c") {
    fail("tir.usmp.use_workspace_io", "needs the C interface; add --executor-aot-interface-api=c");
  }
  if (options.io_in_workspace && !options.plan_workspace) {
    fail("tir.usmp.use_workspace_io", "needs tir.usmp.enable=1");
  }
  const bool has_pools = !options.workspace_pools.empty();
  if (has_pools && !options.plan_workspace) fail("--workspace-pools", "needs tir.usmp.enable=1");
  if (!options.constant_pools.empty() && interface != "c") {
    // Their bytes are a macro of the header, which the packed interface has none of.
    fail("--constant-pools", "needs the C interface; add --executor-aot-interface-api=c");
  }
  verify_alignment("--executor-aot-workspace-byte-alignment", options.workspace_alignment);
  verify_alignment("--executor-aot-constant-byte-alignment", options.constant_alignment);
  verify_pools(options);
}

Archive build_archive(const Graph& graph, const Target& target, const Machine& machine,
                      const PackageOptions& options) {
  const PackagedModel model = package_model(graph, target, machine, options);
  Files files;
  add_runtime(files);
  add_sources(files, model);
  if (model.has_c_interface()) {
    files["codegen/host/include/" + model.prefix + ".h"] = header_text(model);
  }
  files["metadata.json"] = metadata_json(model);
  files["parameters/" + model.module + ".params"] = params_bytes(model);
  files["src/" + model.module + ".relay"] = relay_text(model);
  return archive_of(std::move(files));
}

const ArchiveMember* find_member(const Archive& archive, const std::string& path) {
  const auto found = std::find_if(archive.begin(), archive.end(),
                                  [&](const ArchiveMember& member) { return member.path == path; });
  return found == archive.end() ? nullptr : &*found;
}

std::string dumped_code(const Archive& archive, const std::string& format,
                        const PackageOptions& options) {
  const std::string module = module_symbol(options.module_name);
  const ArchiveMember* member = nullptr;
  if (format == "relay") member = find_member(archive, "./src/" + module + ".relay");
  if (format == "c") {
    // The kernels are in the last of the C files.
    for (const char* suffix : {"_lib2.c", "_lib1.c"}) {
      if (!member) member = find_member(archive, "./" + kSources + module + suffix);
    }
  }
  if (!member) {
    fail("--dump-code", "there is no '", comment_line(format), "' for this target; use relay or c");
  }
  return member->bytes;
}

}  // namespace mlfc

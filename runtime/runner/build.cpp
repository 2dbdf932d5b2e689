// From an archive to an executable. The cache key covers the archive's bytes, the harness, the
// driver, the compiler and all flags; an entry appears by a rename, so parallel runs cannot see
// half of one.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "ir/error.h"
#include "runtime/runner/driver.h"
#include "runtime/runner/harness_files.h"
#include "runtime/runner/process.h"
#include "runtime/runner/runner.h"

namespace mlfc {
namespace {

namespace fs = std::filesystem;

constexpr size_t max_cached_programs = 64;
/// What was used this recently may be running.
constexpr std::chrono::minutes surely_unused = std::chrono::minutes(30);
constexpr const char* riscv_compiler = "riscv64-unknown-elf-gcc";

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.flush()) fail(path.string(), "cannot be written");
}

/// Two independent 64-bit hashes: a collision would run the wrong model without a word.
class Key {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) {
      const auto byte = static_cast<unsigned char>(c);
      a_ = (a_ ^ byte) * 0x100000001b3u;
      b_ = (b_ + byte) * 0x9e3779b97f4a7c15u;
      b_ ^= b_ >> 29;
    }
    a_ = (a_ ^ bytes.size()) * 0x100000001b3u;
  }
  std::string text() const { return fmt::format("{:016x}{:016x}", a_, b_); }

 private:
  uint64_t a_ = 0xcbf29ce484222325u;
  uint64_t b_ = 0x2545f4914f6cdd1du;
};

std::string compiler_of(const BuildOptions& options) {
  if (!options.compiler.empty()) return options.compiler;
  if (options.device == Device::qemu_riscv32) return riscv_compiler;
  const char* cc = std::getenv("CC");
  return cc != nullptr && *cc != '\0' ? cc : "cc";
}

/// CC may hold words, such as "ccache gcc".
std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::string found_compiler(const BuildOptions& options) {
  const std::string compiler = compiler_of(options);
  const std::string program = words_of(compiler).empty() ? "" : words_of(compiler).front();
  const std::string path = find_program(program);
  if (path.empty()) {
    fail("", "the C compiler '", compiler, "' is not installed",
         options.device == Device::qemu_riscv32
             ? "; install the packages gcc-riscv64-unknown-elf and picolibc-riscv64-unknown-elf"
             : "; install one or name it with --cc");
  }
  return path;
}

/// Of a program; of the harness alone when `tar` is empty.
std::string key_of(const std::string& tar, const BuildOptions& options,
                   const std::string& compiler_path) {
  Key key;
  if (!tar.empty()) key.add(read_text(tar));
  for (const HarnessFile& file : harness_files()) key.add(file.bytes);
  struct stat status = {};
  stat(compiler_path.c_str(), &status);
  key.add(fmt::format("{} {} {} {} {} {}", compiler_of(options), compiler_path, status.st_size,
                      static_cast<int64_t>(status.st_mtime), static_cast<int>(options.device),
                      options.profile));
  key.add(options.optimisation);
  for (const std::string& flag : options.flags) key.add(flag);
  key.add("6");  // the version of what this file and driver.cpp do
  return key.text();
}

/// A folder of its own: what else is kept beside it is not ours to trim.
fs::path cache_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if (cache != nullptr && *cache == '/') return fs::path(cache) / "mlfc/programs";
  if (home != nullptr && *home == '/') return fs::path(home) / ".cache/mlfc/programs";
  return fs::temp_directory_path() / fmt::format("mlfc-cache-{}", getuid());
}

/// Drops the entries that were used longest ago.
void trim_cache(const fs::path& cache) {
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> entries;
  for (const auto& entry : fs::directory_iterator(cache, error)) {
    entries.emplace_back(fs::last_write_time(entry.path(), error), entry.path());
  }
  if (entries.size() <= max_cached_programs) return;
  std::ranges::sort(entries);
  const auto too_old = fs::file_time_type::clock::now() - surely_unused;
  for (size_t i = 0; i + max_cached_programs < entries.size(); ++i) {
    if (entries[i].first > too_old) return;
    fs::remove_all(entries[i].second, error);
  }
}

std::vector<std::string> sources_of(const fs::path& archive) {
  std::vector<std::string> sources;
  for (const auto& entry : fs::directory_iterator(archive / "codegen/host/src")) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".c" || extension == ".S" || extension == ".s") {
      sources.push_back(entry.path().string());
    }
  }
  std::ranges::sort(sources);
  return sources;
}

std::string first_lines(const std::string& text, int count) {
  std::istringstream stream(text);
  std::string result;
  for (std::string line; count > 0 && std::getline(stream, line); --count) result += "\n  " + line;
  return result;
}

/// Compiler and options for C that sees the harness, its files unpacked below `folder`.
std::vector<std::string> compiler_words(const fs::path& folder, const BuildOptions& options) {
  std::vector<std::string> words = words_of(compiler_of(options));
  if (options.device == Device::qemu_riscv32) {
    words.push_back("@" + (folder / "runtime/virt/compile.options").string());
  } else {
    words.emplace_back("-march=native");
#if defined(__x86_64__)
    words.emplace_back("-mprefer-vector-width=512");  // compilers halve what they use by default
#endif
  }
  words.insert(words.end(), {"-std=gnu99", "-w", options.optimisation,
                             "-I" + (folder / "runtime/runner/harness").string()});
  words.insert(words.end(), options.flags.begin(), options.flags.end());
  return words;
}

void run_compiler(const std::vector<std::string>& words, const fs::path& folder,
                  const std::string& what, const BuildOptions& options) {
  const ProcessResult result = run_process(words, folder, options.timeout_seconds);
  if (result.timed_out) {
    throw RunError(
        concat_text(what, ": compiling its C took longer than ", options.timeout_seconds, " s"));
  }
  if (result.status == 0) return;
  throw RunError(concat_text(what, ": its C does not compile (", words[0], " ended with status ",
                             result.status, "):", first_lines(result.err, 12)));
}

void unpack_harness(const fs::path& folder) {
  for (const HarnessFile& file : harness_files()) {
    write_text(folder / "runtime" / file.path, file.bytes);
  }
}

/// Builds into a new folder beside `entry` and renames it: others see all of it or nothing.
template <typename Build>
void fill_cache(const fs::path& entry, const Build& build) {
  std::error_code error;
  std::string pattern = (entry.parent_path() / "building-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) fail(entry.parent_path().string(), "cannot be written");
  try {
    build(fs::path(pattern));
  } catch (...) {
    fs::remove_all(pattern, error);
    throw;
  }
  fs::rename(pattern, entry, error);
  if (error) fs::remove_all(pattern, error);  // another run was faster
}

/// The harness's objects, compiled once for each compiler and set of options.
std::vector<std::string> harness_objects(const BuildOptions& options,
                                         const std::string& compiler_path) {
  const fs::path entry = cache_folder() / ("harness-" + key_of("", options, compiler_path));
  const auto build = [&](const fs::path& folder) {
    unpack_harness(folder);
    const fs::path harness = folder / "runtime/runner/harness";
    std::vector<std::string> words = compiler_words(folder, options);
    for (const char* part : {"main", "buffers", "kernels", "print"}) {
      words.push_back((harness / fmt::format("harness_{}.c", part)).string());
    }
    const bool board = options.device == Device::qemu_riscv32;
    words.push_back((board ? folder / "runtime/virt/ticks.c" : harness / "ticks_host.c").string());
    words.emplace_back("-c");
    run_compiler(words, folder, "the harness", options);
  };
  if (!fs::exists(entry)) fill_cache(entry, build);
  std::error_code error;
  fs::last_write_time(entry, fs::file_time_type::clock::now(), error);  // see trim_cache
  std::vector<std::string> objects;
  for (const auto& file : fs::directory_iterator(entry)) {
    if (file.path().extension() == ".o") objects.push_back(file.path().string());
  }
  std::ranges::sort(objects);
  return objects;
}

std::vector<std::string> command(const fs::path& folder, const BuildOptions& options,
                                 const std::vector<std::string>& harness) {
  const fs::path archive = folder / "archive";
  std::vector<std::string> words = compiler_words(folder, options);
  words.insert(words.end(), {"-I" + (archive / "codegen/host/include").string(),
                             "-I" + (archive / "codegen/host/src").string(),
                             "-I" + (archive / "runtime/include").string()});
  words.push_back((folder / "driver.c").string());
  const std::vector<std::string> sources = sources_of(archive);
  words.insert(words.end(), sources.begin(), sources.end());
  words.insert(words.end(), harness.begin(), harness.end());
  if (options.device == Device::qemu_riscv32) {
    words.push_back("@" + (folder / "runtime/virt/link.options").string());
  }
  words.insert(words.end(), {"-o", (folder / "program").string(), "-lm"});
  return words;
}

/// Puts counters into the archive's main function; the names of its kernels.
std::vector<std::string> add_counters(const fs::path& archive, const std::string& module) {
  for (const std::string& path : sources_of(archive)) {
    std::string source = read_text(path);
    const std::vector<std::string> kernels = count_kernels(source, module);
    if (kernels.empty()) continue;
    write_text(path, source);
    return kernels;
  }
  return {};
}

void build_in(const fs::path& folder, const std::string& tar, const BuildOptions& options,
              const std::string& compiler_path) {
  const std::vector<std::string> harness = harness_objects(options, compiler_path);
  unpack_archive(tar, folder / "archive");
  const ArchiveInterface interface = read_archive_interface(folder / "archive");
  unpack_harness(folder);
  write_text(folder / "driver.c", driver_source(interface));
  std::string names;
  if (options.profile) {
    for (const std::string& kernel : add_counters(folder / "archive", interface.module)) {
      names += kernel + "\n";
    }
  }
  write_text(folder / "kernels.txt", names);
  run_compiler(command(folder, options, harness), folder, tar, options);
}

Program program_in(const fs::path& folder, const BuildOptions& options) {
  Program program;
  program.interface = read_archive_interface(folder / "archive");
  program.executable = folder / "program";
  if (options.device == Device::qemu_riscv32) {
    program.emulator_script = folder / "runtime/virt/run.sh";
  }
  std::istringstream names(read_text(folder / "kernels.txt"));
  for (std::string name; std::getline(names, name);) program.kernels.push_back(name);
  return program;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "mlfc-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) fail(pattern, "a temporary folder cannot be made");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code error;
  fs::remove_all(path_, error);
}

Program build_program(const std::string& tar, const BuildOptions& options) {
  const std::string compiler = found_compiler(options);
  const fs::path cache = cache_folder();
  std::error_code error;
  fs::create_directories(cache, error);
  if (error) fail(cache.string(), "the cache folder cannot be made: ", error.message());
  if (!options.cached) {
    auto folder = std::make_shared<TemporaryFolder>();
    build_in(folder->path(), tar, options, compiler);
    Program program = program_in(folder->path(), options);
    program.folder = folder;
    return program;
  }
  const fs::path entry = cache / key_of(tar, options, compiler);
  if (fs::exists(entry / "program")) {
    fs::last_write_time(entry, fs::file_time_type::clock::now(), error);
  } else {
    fill_cache(entry, [&](const fs::path& folder) { build_in(folder, tar, options, compiler); });
    trim_cache(cache);
  }
  return program_in(entry, options);
}

}  // namespace mlfc

// From an archive to an executable. The cache key covers the archive's bytes, the harness, the
// driver, the compiler and all flags; an entry appears by a rename, so parallel runs cannot see
// half of one.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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

std::string key_of(const std::string& tar, const BuildOptions& options,
                   const std::string& compiler_path) {
  Key key;
  key.add(read_text(tar));
  for (const HarnessFile& file : harness_files()) key.add(file.bytes);
  struct stat status = {};
  stat(compiler_path.c_str(), &status);
  key.add(fmt::format("{} {} {} {} {} {}", compiler_of(options), compiler_path, status.st_size,
                      static_cast<int64_t>(status.st_mtime), static_cast<int>(options.device),
                      options.profile));
  key.add(options.optimisation);
  for (const std::string& flag : options.flags) key.add(flag);
  key.add("3");  // the version of what this file does
  return key.text();
}

fs::path cache_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if (cache != nullptr && *cache == '/') return fs::path(cache) / "mlfc";
  if (home != nullptr && *home == '/') return fs::path(home) / ".cache" / "mlfc";
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
  for (size_t i = 0; i + max_cached_programs < entries.size(); ++i) {
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

std::vector<std::string> command(const fs::path& folder, const BuildOptions& options) {
  const fs::path archive = folder / "archive";
  const fs::path harness = folder / "runtime/runner/harness";
  const fs::path board = folder / "runtime/virt";
  std::vector<std::string> words = words_of(compiler_of(options));
  const auto add = [&](std::initializer_list<std::string> more) {
    words.insert(words.end(), more);
  };
  if (options.device == Device::qemu_riscv32) {
    add({"@" + (board / "compile.options").string(), "@" + (board / "link.options").string()});
  } else {
    add({"-march=native"});
#if defined(__x86_64__)
    add({"-mprefer-vector-width=512"});  // compilers halve the registers they use by default
#endif
  }
  add({"-std=gnu99", "-w", options.optimisation});
  add({"-I" + harness.string(), "-I" + (archive / "codegen/host/include").string(),
       "-I" + (archive / "codegen/host/src").string(),
       "-I" + (archive / "runtime/include").string()});
  words.insert(words.end(), options.flags.begin(), options.flags.end());
  for (const char* part : {"main", "buffers", "kernels", "print"}) {
    add({(harness / fmt::format("harness_{}.c", part)).string()});
  }
  add({options.device == Device::qemu_riscv32 ? (board / "ticks.c").string()
                                              : (harness / "ticks_host.c").string()});
  add({(folder / "driver.c").string()});
  const std::vector<std::string> sources = sources_of(archive);
  words.insert(words.end(), sources.begin(), sources.end());
  add({"-o", (folder / "program").string(), "-lm"});
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

std::string first_lines(const std::string& text, int count) {
  std::istringstream stream(text);
  std::string result;
  for (std::string line; count > 0 && std::getline(stream, line); --count) result += "\n  " + line;
  return result;
}

void build_in(const fs::path& folder, const std::string& tar, const BuildOptions& options) {
  unpack_archive(tar, folder / "archive");
  const ArchiveInterface interface = read_archive_interface(folder / "archive");
  for (const HarnessFile& file : harness_files()) {
    write_text(folder / "runtime" / file.path, file.bytes);
  }
  write_text(folder / "driver.c", driver_source(interface));
  std::string names;
  if (options.profile) {
    for (const std::string& kernel : add_counters(folder / "archive", interface.module)) {
      names += kernel + "\n";
    }
  }
  write_text(folder / "kernels.txt", names);
  const std::vector<std::string> words = command(folder, options);
  const ProcessResult result = run_process(words, folder, options.timeout_seconds);
  if (result.timed_out) {
    throw RunError(
        concat_text(tar, ": compiling its C took longer than ", options.timeout_seconds, " s"));
  }
  if (result.status != 0) {
    fail(tar, "its C does not compile (", words[0], " ended with status ", result.status,
         "):", first_lines(result.err, 12));
  }
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
  if (!options.cached) {
    auto folder = std::make_shared<TemporaryFolder>();
    build_in(folder->path(), tar, options);
    Program program = program_in(folder->path(), options);
    program.folder = folder;
    return program;
  }
  std::error_code error;
  const fs::path cache = cache_folder();
  fs::create_directories(cache, error);
  if (error) fail(cache.string(), "the cache folder cannot be made: ", error.message());
  const fs::path entry = cache / key_of(tar, options, compiler);
  if (!fs::exists(entry / "program")) {
    std::string pattern = (cache / "building-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) fail(cache.string(), "cannot be written");
    const fs::path folder(pattern);
    try {
      build_in(folder, tar, options);
    } catch (...) {
      fs::remove_all(folder, error);
      throw;
    }
    fs::rename(folder, entry, error);
    if (error) fs::remove_all(folder, error);  // another run was faster
    trim_cache(cache);
  } else {
    fs::last_write_time(entry, fs::file_time_type::clock::now(), error);
  }
  return program_in(entry, options);
}

}  // namespace mlfc

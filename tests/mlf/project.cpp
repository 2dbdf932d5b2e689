// See project.h.
#include "tests/mlf/project.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace mlfc::sample {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWarnings =
    "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wsign-conversion -Wundef -Wvla -Wcast-align "
    "-Wstrict-prototypes -Wmissing-prototypes -Werror";
// Position dependent, as on bare metal: a constant table of addresses is then really constant.
constexpr const char* kOptions = "-std=c99 -O1 -fno-pie";
constexpr const char* kCppWarnings = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror";

bool is_installed(const std::string& program) {
  return std::system(fmt::format("command -v {} >/dev/null 2>&1", program).c_str()) == 0;
}

int next_folder() {
  static int number = 0;
  return number++;
}

}  // namespace

std::vector<Toolchain> toolchains() {
  std::vector<Toolchain> installed;
  for (const Toolchain& tools : {Toolchain{"gcc", "g++"}, Toolchain{"clang", "clang++"}}) {
    if (is_installed(tools.c)) installed.push_back(tools);
  }
  return installed;
}

Project::Project()
    : folder_(fs::path(testing::TempDir()) /
              fmt::format("mlf_project_{}_{}", getpid(), next_folder())) {
  fs::create_directories(folder_);
}

Project::~Project() {
  if (!testing::Test::HasFailure()) fs::remove_all(folder_);
}

void Project::add(const Archive& archive) {
  for (const ArchiveMember& member : archive) {
    const fs::path path = folder_ / member.path;
    if (member.is_directory) {
      fs::create_directories(path);
    } else {
      std::ofstream(path, std::ios::binary) << member.bytes;
    }
  }
  fs::copy_file(folder_ / "templates/crt_config.h.template", folder_ / "crt_config.h",
                fs::copy_options::overwrite_existing);
}

std::string Project::command(const std::string& line) {
  const std::string log = (folder_ / "log").string();
  const int status =
      std::system(fmt::format("cd '{}' && {} > '{}' 2>&1", folder_.string(), line, log).c_str());
  std::ifstream file(log);
  const std::string output(std::istreambuf_iterator<char>(file), {});
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "in " << folder_ << "\n"
                                                             << line << "\n"
                                                             << output;
  return output;
}

std::vector<std::string> Project::generated(const std::string& extension) const {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder_ / "codegen/host/src")) {
    if (entry.path().extension() == extension) files.push_back(entry.path().filename().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string Project::includes() const {
  return fmt::format("-I. -Iruntime/include -Icodegen/host/include -Icodegen/host/src -I{}",
                     MLF_APPLICATIONS);
}

void Project::compile(const Toolchain& tools) {
  command("rm -f *.o");
  for (const std::string extension : {".c", ".S"}) {
    for (const std::string& file : generated(extension)) {
      command(fmt::format("{} {} {} {} -c codegen/host/src/{} -o {}.o", tools.c, kOptions,
                          kWarnings, includes(), file, file));
    }
  }
}

std::string Project::run(const Toolchain& tools, const std::string& application,
                         const std::vector<std::string>& runtime, const std::string& defines) {
  compile(tools);
  for (const std::string& file : runtime) {
    command(fmt::format("{} {} -w {} -c runtime/src/runtime/crt/{} -o runtime_{}.o", tools.c,
                        kOptions, includes(), file, fs::path(file).stem().string()));
  }
  command(fmt::format("{} {} -no-pie {} {} {} {}/{}.c *.o -lm -o application", tools.c, kOptions,
                      kWarnings, includes(), defines, MLF_APPLICATIONS, application));
  return command("./application");
}

std::string Project::writable_symbols() {
  std::string symbols;
  for (const std::string& file : generated(".c")) {
    symbols +=
        command(fmt::format("(nm {}.o | grep ' [dDbBsSC] ' | cut -d' ' -f3- || true)", file));
  }
  return symbols;
}

void Project::check_as_cpp(const Toolchain& tools) {
  for (const std::string& file : generated(".c")) {
    command(fmt::format("{} -x c++ -std=c++17 -fsyntax-only {} {} codegen/host/src/{}", tools.cpp,
                        kCppWarnings, includes(), file));
  }
}

}  // namespace mlfc::sample

// An application around archives: unpacked into a folder of its own, compiled by an installed C
// compiler with every warning an error, and run.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "codegen/mlf/package.h"

namespace mlfc::sample {

struct Toolchain {
  std::string c = {};    ///< gcc
  std::string cpp = {};  ///< g++
};
/// Those of gcc and clang that are installed.
std::vector<Toolchain> toolchains();

class Project {
 public:
  Project();
  ~Project();
  Project(const Project&) = delete;

  /// Unpacks an archive; several may share the folder.
  void add(const Archive& archive);
  /// Compiles the generated files to objects; all warnings are errors.
  void compile(const Toolchain& tools);
  /// The program's output; compilers' and programs' failures fail the test with their messages.
  /// `application` is a file of tests/mlf/applications, `runtime` names runtime sources it needs.
  std::string run(const Toolchain& tools, const std::string& application,
                  const std::vector<std::string>& runtime = {}, const std::string& defines = "");
  /// Writable symbols of the generated objects of the last run(), as nm prints them.
  std::string writable_symbols();
  /// Compiles the generated files as C++.
  void check_as_cpp(const Toolchain& tools);

 private:
  std::string command(const std::string& line);
  std::vector<std::string> generated(const std::string& extension) const;
  std::string includes() const;

  std::filesystem::path folder_;
};

}  // namespace mlfc::sample

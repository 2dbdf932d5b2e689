// Keeps the shape of the project: who may include whom, one file per operator and pass, a golden
// for each of them, a comment at the head of every file, and no file too long to read in one
// sitting. Usage: architecture SOURCE_FOLDER
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "ir/operator.h"
#include "passes/pass.h"

namespace fs = std::filesystem;

namespace mlfc {
namespace {

/// What the files of a folder may include of ours: prefixes of paths. The longest folder counts.
const std::map<std::string, std::vector<std::string>> kArrows = {
    {"ir", {"ir/"}},
    {"passes", {"ir/", "passes/"}},
    {"codegen", {"ir/", "passes/", "codegen/"}},
    {"frontend/onnx", {"ir/", "frontend/onnx/"}},
    {"frontend/tflite", {"ir/", "frontend/tflite/"}},
    // ONNX's TensorProto files are data files too; protobuf itself stays in frontend/onnx.
    {"frontend/data", {"ir/", "frontend/data/", "frontend/onnx/"}},
    {"frontend/cli", {"ir/", "passes/", "codegen/", "frontend/", "runtime/runner/"}},
    {"runtime/runner", {"ir/", "runtime/runner/"}},
    {"runtime/include", {}},
    {"runtime/src", {}},
    {"runtime/simulator", {"runtime/simulator/"}},
};
const std::vector<std::string> kOurs = {"ir/",       "passes/",  "codegen/",
                                        "frontend/", "runtime/", "tests/"};

/// Files of operators that share everything but a row of a table; none is named after its file.
const std::set<std::string> kFamilies = {
    "activation", "arg_reduce",    "binary",   "compare",        "cumulative", "fixed_arithmetic",
    "fixed_relu", "fixed_sigmoid", "generate", "global_pool",    "loss",       "qlinear",
    "reduce",     "scatter",       "unary",    "window_function"};

/// Longer than 500 lines, and why it is right so.
const std::map<std::string, std::string> kLongFiles = {};
constexpr int kMostLines = 500;

class Architecture {
 public:
  explicit Architecture(fs::path root) : root_(std::move(root)) {
    for (const char* folder :
         {"ir", "passes", "codegen", "frontend", "runtime", "tests", "scripts"}) {
      if (!fs::exists(root_ / folder)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(root_ / folder)) {
        if (entry.is_regular_file()) add(entry.path());
      }
    }
  }

  int run() {
    for (const auto& [path, text] : files_) {
      check_includes(path, text);
      check_head(path, text);
      check_length(path, text);
    }
    check_type_names();
    check_operators();
    check_passes();
    check_golden_names();
    for (const std::string& problem : problems_) std::cout << problem << "\n";
    std::cout << files_.size() << " files, " << operators().size() << " operators, "
              << passes().size() << " passes: " << problems_.size() << " problems\n";
    return problems_.empty() ? 0 : 1;
  }

 private:
  void add(const fs::path& path) {
    const std::string name = fs::relative(path, root_).generic_string();
    std::ifstream stream(path);
    std::ostringstream text;
    text << stream.rdbuf();
    files_[name] = text.str();
  }

  void report(const std::string& where, const std::string& problem) {
    problems_.push_back(where + ": " + problem);
  }

  static bool is_source(const std::string& path) {
    const std::string extension = fs::path(path).extension();
    return extension == ".cpp" || extension == ".h" || extension == ".c";
  }

  // --- names ------------------------------------------------------------------------------------

  // Two types of one name in one program: the linker takes the functions of either for both.
  void check_type_names() {
    static const std::regex type(
        "(^|\n)(struct|class) ([A-Z][A-Za-z0-9]*)( final)?( : [^;{]*)? \\{");
    const std::vector<std::string> programs = {"ir/",       "passes/",         "codegen/",
                                               "frontend/", "runtime/runner/", "runtime/virt/"};
    std::map<std::string, std::string> homes;
    for (const auto& [path, text] : files_) {
      const bool is_linked = path.ends_with(".h") && std::any_of(programs.begin(), programs.end(),
                                                                 [&](const std::string& folder) {
                                                                   return path.starts_with(folder);
                                                                 });
      if (!is_linked) continue;
      for (std::sregex_iterator it(text.begin(), text.end(), type), end; it != end; ++it) {
        const auto [home, is_new] = homes.try_emplace((*it)[3], path);
        if (!is_new) report(path, (*it)[3].str() + " is the name of a type of " + home->second);
      }
    }
  }

  // --- arrows -----------------------------------------------------------------------------------

  static const std::vector<std::string>* arrows_of(const std::string& path) {
    const std::vector<std::string>* found = nullptr;
    size_t longest = 0;
    for (const auto& [folder, allowed] : kArrows) {
      if (!path.starts_with(folder + "/") || folder.size() < longest) continue;
      longest = folder.size();
      found = &allowed;
    }
    return found;
  }

  void check_includes(const std::string& path, const std::string& text) {
    if (!is_source(path)) return;
    static const std::regex include("(^|\n)[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"]+)[>\"]");
    const std::vector<std::string>* allowed = arrows_of(path);
    const auto begins = [](const std::string& prefix) {
      return [&prefix](const std::string& candidate) { return prefix.starts_with(candidate); };
    };
    for (std::sregex_iterator it(text.begin(), text.end(), include), end; it != end; ++it) {
      const std::string header = (*it)[2];
      const bool is_ours = std::any_of(kOurs.begin(), kOurs.end(), begins(header));
      const bool fits = allowed == nullptr || !is_ours ||
                        std::any_of(allowed->begin(), allowed->end(), begins(header));
      if (!fits) report(path, "may not include " + header);
      const bool is_protobuf = header.find(".pb.h") != std::string::npos ||
                               header.find("google/protobuf") != std::string::npos ||
                               header.starts_with("onnx/");
      const bool may_protobuf = path.starts_with("frontend/onnx/") ||
                                path.starts_with("frontend/data/") || path.starts_with("tests/");
      if (is_protobuf && !may_protobuf) report(path, "protobuf stays in frontend/onnx");
      const bool is_flatbuffers =
          header.starts_with("flatbuffers/") || header == "schema_generated.h";
      const bool may_flatbuffers =
          path.starts_with("frontend/tflite/") || path.starts_with("tests/tflite/");
      if (is_flatbuffers && !may_flatbuffers) {
        report(path, "flatbuffers stay in frontend/tflite");
      }
    }
  }

  // --- files ------------------------------------------------------------------------------------

  void check_head(const std::string& path, const std::string& text) {
    const bool is_script = path.ends_with(".sh") || path.ends_with("CMakeLists.txt");
    const bool is_python = path.ends_with(".py");
    const bool is_golden = path.ends_with(".mlfc");
    if (!is_source(path) && !is_script && !is_python && !is_golden) return;
    // A script may begin with the line that names its interpreter.
    const size_t first = text.starts_with("#!") ? text.find('\n') + 1 : 0;
    const std::string_view head = std::string_view(text).substr(std::min(first, text.size()));
    const bool has_comment = is_source(path) ? head.starts_with("//") || head.starts_with("/*")
                             : is_python     ? head.starts_with("#") || head.starts_with("\"\"\"")
                                             : head.starts_with("#");
    if (!has_comment && !head.empty()) report(path, "does not begin by saying what it is");
  }

  void check_length(const std::string& path, const std::string& text) {
    if (!is_source(path) && !path.ends_with(".py")) return;
    const auto lines = std::count(text.begin(), text.end(), '\n');
    const bool is_excused = kLongFiles.contains(path);
    if (lines > kMostLines && !is_excused) {
      report(path, std::to_string(lines) + " lines; split it");
    }
    if (is_excused && lines <= kMostLines) report(path, "needs no exception any more");
  }

  // --- operators and passes ---------------------------------------------------------------------

  bool has_file(const std::string& path) const { return files_.contains(path); }

  // A golden named after the operator, or after the file it is in and using it.
  bool has_golden_of(const std::string& op) const {
    if (has_file("tests/golden/ops/" + op + ".mlfc")) return true;
    const std::regex use("= *" + op + "\\(");
    return std::any_of(files_.begin(), files_.end(), [&](const auto& file) {
      return file.first.starts_with("tests/golden/ops/") && std::regex_search(file.second, use);
    });
  }

  // Goldens are named after what they show.
  void check_golden_names() {
    for (const auto& [path, text] : files_) {
      const fs::path golden(path);
      const std::string folder = golden.parent_path().filename(), stem = golden.stem();
      if (golden.extension() != ".mlfc" || folder == "print" || folder == "verify") continue;
      const std::string home = folder == "ops" ? "ir/ops/" : "passes/" + folder + "/";
      if (!has_file(home + stem + ".cpp"))
        report(path, "shows nothing: there is no " + home + stem);
    }
  }

  void check_operators() {
    for (const auto& [path, text] : files_) {
      const bool registers = path.starts_with("ir/ops/") && path.ends_with(".cpp") &&
                             (text.find("const RegisteredOperator ") != std::string::npos ||
                              text.find("ElementwiseFamily family") != std::string::npos);
      if (!registers) continue;
      const std::string stem = fs::path(path).stem();
      const bool is_family = kFamilies.contains(stem);
      if (!is_family && find_operator(stem) == nullptr) {
        report(path, "registers no operator '" + stem + "'");
      }
    }
    for (const Operator* op : operators()) {
      if (!has_golden_of(op->name)) report("operator " + op->name, "has no golden");
    }
  }

  void check_passes() {
    std::set<std::string> filed;
    for (const auto& [path, text] : files_) {
      const bool registers = path.starts_with("passes/") && path.ends_with(".cpp") &&
                             path != "passes/pass.cpp" &&
                             text.find("RegisteredPass") != std::string::npos;
      if (!registers) continue;
      std::string name = fs::path(path).stem();
      std::replace(name.begin(), name.end(), '_', '-');
      filed.insert(name);
      const Pass* pass = find_pass(name);
      if (pass == nullptr) {
        report(path, "registers no pass '" + name + "'");
        continue;
      }
      const std::string folder = fs::path(path).parent_path().filename();
      if (folder != level_name(pass->level)) {
        report(path, "is a pass of level " + level_name(pass->level));
      }
      const std::string golden = fs::path(path).stem().string() + ".mlfc";
      if (!has_file("tests/golden/" + folder + "/" + golden)) {
        report("pass " + name, "has no golden");
      }
    }
    for (const Pass* pass : passes()) {
      if (!filed.contains(pass->name)) report("pass " + pass->name, "has no file of its name");
    }
  }

  static std::string level_name(Level level) {
    switch (level) {
      case Level::graph:
        return "graph";
      case Level::kernel:
        return "kernel";
      case Level::loop:
        return "loop";
      case Level::memory:
        return "memory";
    }
    return "";
  }

  fs::path root_;
  std::map<std::string, std::string> files_;  ///< text by path below the root
  std::vector<std::string> problems_;
};

}  // namespace
}  // namespace mlfc

int main(int count, char** arguments) {
  if (count != 2) {
    std::cout << "usage: architecture SOURCE_FOLDER\n";
    return 2;
  }
  return mlfc::Architecture(arguments[1]).run();
}

// Throws damaged .tflite files at the importer and what it accepts at the compiler. Either may
// refuse, with a user error (the importer's name the file); neither may crash or hang, and what is
// accepted must verify after every pass.
//
//   tflite_fuzz [--seed N] [--runs N] [--only RUN] FOLDER...   damages the .tflite files below each
//
// Most damage leads outside the file and is seen at once. So that what lies behind is reached,
// three runs in four take such damage back and keep what the reader of the format accepts.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>

#include "codegen/mlf/package.h"
#include "codegen/target.h"
#include "frontend/tflite/import.h"
#include "ir/error.h"
#include "ir/verify.h"
#include "passes/pipeline.h"
#include "tests/fuzz/limits.h"

namespace mlfc {
namespace {

namespace fs = std::filesystem;

enum class Outcome : uint8_t { unreadable, refused, imported, compiled };

/// Small files can stand for large models (a fill, a broadcast, a long sequence), which only cost
/// time when every pass prints them.
bool is_large(const Graph& graph) {
  constexpr int64_t most_bytes = 1 << 20;
  constexpr size_t most_values = 1000;
  if (graph.values.size() > most_values) return true;
  int64_t bytes = 0;
  for (const auto& value : graph.values) bytes += value->type.storage_bytes();
  return bytes > most_bytes;
}

void compile(Graph& graph) {
  const Target& target = *find_target("c");
  const Machine machine = target.machine({});
  const Options options;
  PipelineOptions pipeline;
  pipeline.verify_each = true;
  run_pipeline(graph, {machine, options}, {target.schedule, target.finish}, pipeline);
  build_archive(graph, target, machine, {});
}

Outcome try_to_import(const std::string& bytes, std::unique_ptr<Graph>& graph) {
  const double start = fuzz::seconds_used();
  try {
    graph = import_tflite(bytes, "damaged.tflite").graph;
    verify(*graph, "import");
    return Outcome::imported;
  } catch (const UserError& refused) {
    const std::string_view message = refused.what();
    const double seconds = fuzz::seconds_used() - start;
    check(seconds < fuzz::longest_refusal, "refused after ", seconds, " seconds: ", message);
    check(message.starts_with("damaged.tflite"), "a refusal that names no file: ", message);
    const bool is_readable = message.find("an offset in it leads outside") == message.npos &&
                             message.find("not a TensorFlow Lite model") == message.npos;
    return is_readable ? Outcome::refused : Outcome::unreadable;
  }
}

Outcome try_all(const std::string& bytes) {
  std::unique_ptr<Graph> graph;
  try {
    const Outcome outcome = try_to_import(bytes, graph);
    if (outcome != Outcome::imported || is_large(*graph)) return outcome;
    compile(*graph);
    return Outcome::compiled;
  } catch (const UserError&) {
    return Outcome::imported;
  } catch (const std::bad_alloc&) {
    return Outcome::imported;  // as the command line says it
  }
}

class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, uint64_t seed)
      : seeds_(std::move(seeds)), random_(seed) {}

  std::string next() {
    std::string bytes = seeds_[below(seeds_.size())];
    const bool stays_readable = below(4) != 0;
    for (size_t damage = 1 + below(4); damage > 0; --damage) {
      std::string hurt_bytes = bytes;
      hurt(hurt_bytes);
      if (stays_readable && !is_readable(hurt_bytes)) continue;
      bytes = std::move(hurt_bytes);
    }
    return bytes;
  }

 private:
  size_t below(size_t end) { return end == 0 ? 0 : random_() % end; }

  /// Names of inputs take the reader, and nothing behind it.
  static bool is_readable(const std::string& bytes) {
    try {
      tflite_input_names(bytes, "damaged.tflite");
      return true;
    } catch (const UserError&) {
      return false;
    }
  }

  template <typename Number>
  void write(std::string& bytes, Number number) {
    if (bytes.size() < sizeof(number)) return;
    // Fields lie at multiples of their size; elsewhere most damage is only seen by the verifier.
    const size_t at = below(bytes.size() / sizeof(number)) * sizeof(number);
    std::memcpy(bytes.data() + at, &number, sizeof(number));
  }

  void hurt(std::string& bytes) {
    constexpr int32_t numbers[] = {-1, 0, 1, 2, 3, 4, 7, 127, 128, 255, 65536, 1 << 30, -(1 << 30)};
    switch (below(7)) {
      case 0:
        bytes.resize(below(bytes.size() + 1));
        return;
      case 1:
        if (!bytes.empty()) bytes[below(bytes.size())] = static_cast<char>(below(256));
        return;
      case 2:
        write(bytes, numbers[below(std::size(numbers))]);
        return;
      case 3:
        write(bytes, static_cast<uint8_t>(below(210)));  // another operator, type, padding ...
        return;
      case 4:
        write(bytes, static_cast<int32_t>(below(bytes.size())));  // an offset that exists
        return;
      case 5:
        swap_words(bytes);  // tables or vectors that are shared, or contain themselves
        return;
      default:
        write(bytes, static_cast<int64_t>(random_()));
        return;
    }
  }

  void swap_words(std::string& bytes) {
    constexpr size_t word = 4;
    if (bytes.size() < word) return;
    const auto place = [&] { return bytes.data() + below(bytes.size() / word) * word; };
    char* const to = place();
    std::memmove(to, place(), word);
  }

  std::vector<std::string> seeds_;
  std::mt19937_64 random_;
};

std::string contents(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::vector<std::string> models_below(const std::vector<std::string>& folders) {
  constexpr size_t largest_model = 200000;
  std::vector<fs::path> paths;
  for (const std::string& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().extension() == ".tflite") paths.push_back(entry.path());
    }
  }
  std::ranges::sort(paths);  // a seed must mean the same everywhere
  std::vector<std::string> models;
  for (const fs::path& path : paths) {
    if (fs::file_size(path) < largest_model) models.push_back(contents(path));
  }
  return models;
}

int run(const fuzz::Arguments& arguments) {
  std::vector<std::string> models = models_below(arguments.files);
  std::cout << "seed " << arguments.seed << ", " << arguments.runs << " runs, " << models.size()
            << " models" << std::endl;
  if (models.empty()) return 2;
  Mutator mutator(std::move(models), arguments.seed);
  int outcomes[4] = {}, bad = 0;
  for (int i = 0; i < arguments.runs; ++i) {
    const std::string bytes = mutator.next();
    if (arguments.only >= 0 && i != arguments.only) continue;
    fuzz::begin_input("run " + std::to_string(i));
    try {
      ++outcomes[static_cast<int>(try_all(bytes))];
    } catch (const std::exception& error) {
      std::cout << "run " << i << " of seed " << arguments.seed << ": " << error.what()
                << std::endl;
      std::ofstream("tflite_fuzz.tflite", std::ios::binary) << bytes;
      if (++bad == 20) break;
    }
  }
  std::cout << outcomes[0] << " unreadable, " << outcomes[1] << " refused by the importer, "
            << outcomes[2] << " by the compiler or large, " << outcomes[3] << " compiled, " << bad
            << " bad\n";
  return bad == 0 ? 0 : 1;
}

}  // namespace
}  // namespace mlfc

int main(int count, char** words) {
  mlfc::fuzz::limit_process();
  return mlfc::run(mlfc::fuzz::parse_arguments(count, words, std::random_device()()));
}

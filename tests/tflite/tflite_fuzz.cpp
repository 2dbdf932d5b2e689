// Throws damaged .tflite files at the importer. It may refuse them, with a user error that names
// the file; it may not crash, and what it accepts must verify as a graph.
//
//   tflite_fuzz [--seed N] [--runs N] PATH...   damages the model.tflite files below each path
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>

#include "frontend/tflite/import.h"
#include "ir/error.h"
#include "ir/verify.h"

namespace mlfc {
namespace {

namespace fs = std::filesystem;

void try_importer(const std::string& bytes) {
  try {
    const TfliteImport import = import_tflite(bytes, "damaged.tflite");
    verify(*import.graph, "import");
  } catch (const UserError& refused) {
    const std::string_view message = refused.what();
    check(message.starts_with("damaged.tflite"), "a refusal that names no file: ", message);
  }
}

class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, uint64_t seed)
      : seeds_(std::move(seeds)), random_(seed) {}

  std::string next() {
    std::string bytes = seeds_[below(seeds_.size())];
    for (size_t damage = 1 + below(4); damage > 0; --damage) hurt(bytes);
    return bytes;
  }

 private:
  size_t below(size_t end) { return end == 0 ? 0 : random_() % end; }

  template <typename Number>
  void write(std::string& bytes, Number number) {
    if (bytes.size() < sizeof(number)) return;
    // Fields lie at multiples of their size; elsewhere most damage is only seen by the verifier.
    const size_t at = below(bytes.size() / sizeof(number)) * sizeof(number);
    std::memcpy(bytes.data() + at, &number, sizeof(number));
  }

  void hurt(std::string& bytes) {
    constexpr int32_t numbers[] = {-1, 0, 1, 2, 3, 4, 7, 127, 128, 255, 65536, 1 << 30, -(1 << 30)};
    switch (below(6)) {
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
      default:
        write(bytes, static_cast<int64_t>(random_()));
        return;
    }
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

int run(uint64_t seed, int runs, const std::vector<std::string>& paths) {
  std::vector<std::string> seeds;
  for (const std::string& path : paths) {
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.path().extension() == ".tflite") seeds.push_back(contents(entry.path()));
    }
  }
  if (seeds.empty()) {
    std::cout << "no models to damage\n";
    return 2;
  }
  std::cout << "seed " << seed << ", " << runs << " runs, " << seeds.size() << " models\n"
            << std::flush;
  Mutator mutator(std::move(seeds), seed);
  for (int i = 0; i < runs; ++i) {
    const std::string bytes = mutator.next();
    try {
      try_importer(bytes);
    } catch (const std::exception& error) {
      std::ofstream("tflite_fuzz.found", std::ios::binary) << bytes;
      std::cout << "run " << i << " of seed " << seed << ": " << error.what()
                << "\nthe model is in tflite_fuzz.found\n";
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace mlfc

int main(int count, char** arguments) {
  uint64_t seed = std::random_device()();
  int runs = 1000;
  std::vector<std::string> paths;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--seed" && i + 1 < count) {
      seed = std::strtoull(arguments[++i], nullptr, 10);
    } else if (argument == "--runs" && i + 1 < count) {
      runs = std::atoi(arguments[++i]);
    } else {
      paths.push_back(argument);
    }
  }
  return mlfc::run(seed, runs, paths);
}

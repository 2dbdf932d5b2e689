// Throws damaged programs at the parser. It may refuse them, with a user error that names a line;
// it may not crash, and what it accepts must print to text that reads back as itself.
//
//   parse_fuzz [--seed N] [--runs N] FILE...   damages the cases of golden files
// Built with MLFC_LIBFUZZER, libFuzzer drives the same function.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "ir/error.h"
#include "ir/parse.h"
#include "ir/print.h"

namespace mlfc {
namespace {

template <typename Parse, typename Print>
void expect_round_trip(std::string_view text, const Parse& parse, const Print& print) {
  std::string first;
  try {
    first = print(parse(text));
  } catch (const UserError& refused) {
    const std::string_view message = refused.what();
    check(message.starts_with("line "), "a refusal without a line: ", message);
    return;
  }
  std::string second;
  try {
    second = print(parse(first));
  } catch (const UserError& refused) {
    check(false, "printed text does not read back: ", refused.what(), "\n", first);
  }
  check(first == second, "printed text reads back as another program:\n", first, "and\n", second);
}

// Every entry of parse.h that takes a whole text.
void try_parsers(std::string_view text) {
  const auto print_graph = [](const auto& graph) { return to_text(*graph); };
  const auto print = [](const auto& work) { return to_text(work); };
  const auto print_words = [](const Schedule& schedule) { return to_text(schedule, "k"); };
  const auto parse_any_expr = [](std::string_view source) {
    return parse_expr(source, {{"x", {DType::f32, {4}, {}}}, {"n", {DType::i32, {}, {}}}});
  };
  if (text.starts_with("kernel")) return expect_round_trip(text, parse_kernel, print);
  if (text.starts_with("proc")) return expect_round_trip(text, parse_proc, print);
  if (text.starts_with("schedule")) return expect_round_trip(text, parse_schedule, print_words);
  if (text.starts_with("graph")) return expect_round_trip(text, parse_graph, print_graph);
  expect_round_trip(text, parse_type, print);
  expect_round_trip(text, parse_any_expr, print);
}

}  // namespace
}  // namespace mlfc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mlfc::try_parsers({reinterpret_cast<const char*>(data), size});
  return 0;
}

#ifndef MLFC_LIBFUZZER
#include <fstream>
#include <random>
#include <sstream>

namespace mlfc {
namespace {

/// Pieces that the grammar cares about; random bytes alone would hardly ever get past a lexer.
constexpr const char* kPieces[] = {"(",
                                   ")",
                                   "[",
                                   "]",
                                   "{",
                                   "}",
                                   ",",
                                   ":",
                                   "=",
                                   "|",
                                   "->",
                                   "..",
                                   "+=",
                                   "max=",
                                   "%x",
                                   "%y",
                                   "@w",
                                   "\"",
                                   "\\",
                                   "_",
                                   "-",
                                   "!",
                                   "%",
                                   "//",
                                   "<",
                                   "&&",
                                   "0",
                                   "1",
                                   "-1",
                                   "3:i32",
                                   "1e30",
                                   "nan",
                                   "inf",
                                   "f32",
                                   "bool",
                                   "i64[4]",
                                   "f32[]",
                                   "for",
                                   "in",
                                   "stage",
                                   "note",
                                   "local",
                                   "reduce",
                                   "sum",
                                   "select",
                                   "x[i]",
                                   "constant",
                                   "kernel k() {",
                                   "proc p() {",
                                   "graph g() -> () {",
                                   "region r() -> () {",
                                   "schedule {",
                                   "data @w base64\"AA==\"",
                                   "inside %x",
                                   "at workspace+0",
                                   "splat(1)",
                                   "random(3)",
                                   "9223372036854775807",
                                   "-9223372036854775808",
                                   "18446744073709551616",
                                   "1000000000000",
                                   " | b a",
                                   " | strides 1 2 offset 3",
                                   " | digits 2:2,2:1 4:4",
                                   "\n",
                                   "\xff",
                                   "\x01"};

class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, uint64_t seed)
      : seeds_(std::move(seeds)), random_(seed) {}

  std::string next() {
    std::string text = seeds_[below(seeds_.size())];
    for (size_t damage = 1 + below(4); damage > 0; --damage) hurt(text);
    return text;
  }

 private:
  size_t below(size_t end) { return end == 0 ? 0 : random_() % end; }

  void hurt(std::string& text) {
    const size_t at = below(text.size() + 1);
    const size_t length = std::min(text.size() - at, 1 + below(12));
    switch (below(7)) {
      case 0:
        text.erase(at, length);
        return;
      case 1:
        text.insert(at, kPieces[below(std::size(kPieces))]);
        return;
      case 2:
        text.replace(at, length, kPieces[below(std::size(kPieces))]);
        return;
      case 3:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        return;
      case 4: {  // a piece of this text elsewhere
        const std::string piece = text.substr(at, length * 4);
        text.insert(below(text.size() + 1), piece);
        return;
      }
      case 5: {  // a piece of another text
        const std::string& other = seeds_[below(seeds_.size())];
        text.insert(at, other.substr(below(other.size()), 1 + below(40)));
        return;
      }
      default: {  // one piece many times: depth and length
        std::string piece = kPieces[below(std::size(kPieces))];
        std::string many;
        for (size_t i = below(3000); i > 0; --i) many += piece + (piece == "-" ? "" : " ");
        text.insert(at, many);
        return;
      }
    }
  }

  std::vector<std::string> seeds_;
  std::mt19937_64 random_;
};

// The cases of golden files, inputs and results alike.
std::vector<std::string> cases_of(const std::string& path) {
  std::vector<std::string> cases;
  std::ifstream stream(path);
  std::string text;
  for (std::string line; std::getline(stream, line);) {
    const bool divides = line.starts_with("=== ") || line == "---";
    if (!divides) text += line + "\n";
    if (!divides) continue;
    if (!text.empty()) cases.push_back(text);
    text.clear();
  }
  if (!text.empty()) cases.push_back(text);
  return cases;
}

int run(uint64_t seed, int runs, const std::vector<std::string>& files) {
  std::vector<std::string> seeds;
  for (const std::string& file : files) {
    for (std::string& text : cases_of(file)) seeds.push_back(std::move(text));
  }
  if (seeds.empty()) {
    std::cout << "no programs to damage; name golden files\n";
    return 2;
  }
  std::cout << "seed " << seed << ", " << runs << " runs, " << seeds.size() << " programs\n"
            << std::flush;
  Mutator mutator(std::move(seeds), seed);
  for (int i = 0; i < runs; ++i) {
    const std::string text = mutator.next();
    try {
      try_parsers(text);
    } catch (const std::exception& error) {
      std::cout << "run " << i << " of seed " << seed << ": " << error.what()
                << "\n--- the program:\n"
                << text << "\n";
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
  std::vector<std::string> files;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--seed" && i + 1 < count) {
      seed = std::strtoull(arguments[++i], nullptr, 10);
    } else if (argument == "--runs" && i + 1 < count) {
      runs = std::atoi(arguments[++i]);
    } else {
      files.push_back(argument);
    }
  }
  return mlfc::run(seed, runs, files);
}
#endif

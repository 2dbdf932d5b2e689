// Throws plausible but wrong programs at the whole compiler: programs of the golden files with an
// attribute, a number, a type or an operand changed or gone. What the verifier accepts must
// compile, or be refused with a user error; it may not crash and not be called a bug of the
// compiler.
//
//   pass_fuzz [--seed N] [--runs N] FILE...   damages the cases of golden files
// One run repeats with --seed N --only I.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <new>
#include <random>
#include <regex>
#include <string>
#include <vector>

#include "codegen/mlf/package.h"
#include "codegen/target.h"
#include "ir/error.h"
#include "ir/operator.h"
#include "ir/parse.h"
#include "ir/verify.h"
#include "passes/pipeline.h"
#include "tests/fuzz/limits.h"

namespace mlfc {
namespace {

struct Span {
  size_t begin = 0;
  size_t length = 0;
};

/// Every match of a pattern: where its first group is, or all of it.
std::vector<Span> places(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::vector<Span> found;
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match) {
    const size_t group = match->size() > 1 ? 1 : 0;
    found.push_back(
        {static_cast<size_t>(match->position(group)), static_cast<size_t>(match->length(group))});
  }
  return found;
}

class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, uint64_t seed)
      : seeds_(std::move(seeds)), random_(seed) {}

  std::string next() {
    std::string text = seeds_[below(seeds_.size())];
    for (size_t damage = 1 + below(2); damage > 0; --damage) hurt(text);
    return text;
  }

 private:
  size_t below(size_t end) { return end == 0 ? 0 : random_() % end; }

  template <typename Replacement>
  void replace_one(std::string& text, const std::string& pattern, const Replacement& replacement) {
    const std::vector<Span> found = places(text, pattern);
    if (found.empty()) return;
    const Span place = found[below(found.size())];
    const std::string old = text.substr(place.begin, place.length);
    text.replace(place.begin, place.length, replacement(old));
  }

  std::string other_number(const std::string& old) {
    constexpr const char* numbers[] = {"0", "1", "2", "3", "7", "-1", "-2", "-9", "100", "65537"};
    constexpr const char* huge[] = {"1099511627776", "9223372036854775807", "-9223372036854775808"};
    const size_t choice = below(16);
    if (choice < 2) return huge[below(std::size(huge))];
    if (choice < 4 && old.size() < 9) return std::to_string(std::atoi(old.c_str()) + 1);
    if (choice < 6 && old.size() < 9) return std::to_string(std::atoi(old.c_str()) - 1);
    return numbers[below(std::size(numbers))];
  }

  void hurt(std::string& text) {
    const auto nothing = [](const std::string&) { return std::string(); };
    switch (below(10)) {
      case 0:  // an attribute, with its comma
        return replace_one(text, R"([{,] ?(\w+=(?:\[[^\]]*\]|[^,}\]]*),? ?))", nothing);
      case 1:  // all attributes
        return replace_one(text, R"(\{\w+=[^}]*\})", nothing);
      case 2:  // a number of an attribute, a shape or an index
      case 3:
      case 4:
        return replace_one(text, R"([^\w%@.](-?\d+)(?![\w.]))",
                           [&](const std::string& old) { return other_number(old); });
      case 5:  // an element type
        return replace_one(text, R"(\b([fiu](?:8|16|32|64)|bool)\b)", [&](const std::string&) {
          constexpr const char* types[] = {"f16", "f32", "f64", "i8", "u8", "i32", "i64", "bool"};
          return std::string(types[below(std::size(types))]);
        });
      case 6: {  // an operand
        const std::vector<Span> values = places(text, R"(%[\w.]+)");
        if (values.empty()) return;
        const Span other = values[below(values.size())];
        const std::string name = text.substr(other.begin, other.length);
        return replace_one(text, R"(%[\w.]+)", [&](const std::string&) { return name; });
      }
      case 7:  // an operand less
        return replace_one(text, R"((%[\w.]+, |, %[\w.]+))", nothing);
      case 8:  // the last or first number of a list
        return replace_one(text, R"((\d+,|,\d+))", nothing);
      default: {  // another operator
        static const std::vector<const Operator*> all = operators();
        return replace_one(text, R"(= (\w+)\()",
                           [&](const std::string&) { return all[below(all.size())]->name; });
      }
    }
  }

  std::vector<std::string> seeds_;
  std::mt19937_64 random_;
};

/// The cases of a golden file that are whole programs. Not those with loops: that a damaged loop no
/// longer writes what it should is beyond the verifier, and their author's business.
void collect_programs(const std::string& path, std::vector<std::string>& programs) {
  std::ifstream stream(path);
  std::string text;
  const auto keep = [&] {
    const bool has_loops = text.find("proc ") != std::string::npos;
    if (text.starts_with("graph ") && !has_loops) programs.push_back(text);
    text.clear();
  };
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("=== ") || line == "---") {
      keep();
    } else if (!line.starts_with("#")) {
      text += line + "\n";
    }
  }
  keep();
}

enum class Outcome : uint8_t { refused_text, ill_formed, refused, compiled };

/// Tensors of millions of elements only cost time: their text, several times for each step.
bool is_large(const Graph& graph) {
  constexpr int64_t most_elements = int64_t{1} << 20;
  return std::any_of(graph.values.begin(), graph.values.end(),
                     [](const std::unique_ptr<Value>& value) {
                       return value->is_constant() && value->type.elements() > most_elements;
                     });
}

Outcome compile(const std::string& text) {
  std::unique_ptr<Graph> graph;
  try {
    graph = parse_graph(text);
  } catch (const UserError&) {
    return Outcome::refused_text;
  }
  if (!problems(*graph).empty()) return Outcome::ill_formed;
  if (is_large(*graph)) return Outcome::refused;
  try {
    const Target& target = *find_target("c");
    const Machine machine = target.machine({});
    const Options options;
    PipelineOptions pipeline;
    pipeline.verify_each = true;
    // Earlier passes would not keep the plan of a program that has one.
    const bool is_planned = text.find("pool ") != std::string::npos;
    const std::vector<std::string> steps =
        is_planned ? std::vector<std::string>{"plan-memory"} : pipeline_steps();
    run_passes(*graph, {machine, options}, {target.schedule, target.finish}, steps, pipeline);
    if (is_planned) return Outcome::compiled;
    build_archive(*graph, target, machine, {});
    return Outcome::compiled;
  } catch (const UserError&) {
    return Outcome::refused;
  } catch (const std::bad_alloc&) {
    return Outcome::refused;  // as the command line says it
  }
}

int run(const fuzz::Arguments& arguments) {
  std::vector<std::string> programs;
  for (const std::string& file : arguments.files) collect_programs(file, programs);
  if (programs.empty()) {
    std::cout << "no programs to damage; name golden files\n";
    return 2;
  }
  const uint64_t seed = arguments.seed;
  std::cout << "seed " << seed << ", " << arguments.runs << " runs, " << programs.size()
            << " programs\n"
            << std::flush;
  Mutator mutator(std::move(programs), seed);
  int counts[4] = {};
  int bad = 0;
  for (int i = 0; i < arguments.runs; ++i) {
    const std::string text = mutator.next();
    if (arguments.only >= 0 && i != arguments.only) continue;
    fuzz::begin_input(text);
    try {
      ++counts[static_cast<int>(compile(text))];
    } catch (const std::exception& error) {
      std::cout << "run " << i << " of seed " << seed << ": " << error.what()
                << "\n--- the program:\n"
                << text << "\n";
      if (++bad == 20) break;
    }
  }
  std::cout << counts[0] << " not read, " << counts[1] << " ill-formed, " << counts[2]
            << " refused, " << counts[3] << " compiled, " << bad << " bad\n";
  return bad == 0 ? 0 : 1;
}

}  // namespace
}  // namespace mlfc

int main(int count, char** words) {
  mlfc::fuzz::limit_process();
  return mlfc::run(mlfc::fuzz::parse_arguments(count, words, std::random_device()()));
}

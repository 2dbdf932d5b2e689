// snitch-sim: runs an ELF program on a simulated Snitch cluster and exits with the program's code.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "cluster.h"
#include "profile.h"

namespace {

using namespace snitch;

constexpr int broken_rule = 125;  // exit code when a rule is broken
constexpr int bad_usage = 124;

struct Arguments {
  std::string program;
  std::string machine = "default";
  std::string json;
  std::string profile;
  bool functional = false;
  bool summary = false;
  Options options;
};

const char* usage =
    "usage: snitch-sim [options] program.elf\n"
    "  --machine NAME|FILE  default, 4+1, 1+1, fdiv, 2024, or a JSON description\n"
    "  --functional         no timing, same results\n"
    "  --as-hardware        let silent mistakes happen as on hardware, with a warning each\n"
    "  --strict             make cautions errors\n"
    "  --cycles N           stop after N cycles (instructions with --functional)\n"
    "  --trace FILE         a line per issued instruction (with --functional numbered, not timed)\n"
    "  --profile[=by]       by region (between reads of mcycle) or by function\n"
    "  --json FILE          outcome, counters and profile\n"
    "  --summary            cycles and instructions when the program has ended\n"
    "  --disassemble WORD   print an instruction word as text\n";

[[noreturn]] void fail_usage(const std::string& why) {
  throw std::runtime_error(why + "\n" + usage);
}

uint64_t number(const std::string& option, const std::string& text, int base) {
  size_t used = 0;
  try {
    const uint64_t value = std::stoull(text, &used, base);
    if (used == text.size() && text[0] != '-') return value;
  } catch (const std::logic_error&) {
  }
  fail_usage(option + " " + text + ": not a number");
}

Arguments parse(int argc, char** argv) {
  Arguments result;
  const auto value = [&](int& i) -> std::string {
    if (i + 1 >= argc) fail_usage(std::string(argv[i]) + " needs a value");
    return argv[++i];
  };
  for (int i = 1; i < argc; i++) {
    const std::string word = argv[i];
    if (word == "--machine") {
      result.machine = value(i);
    } else if (word == "--functional") {
      result.options.functional = true;
    } else if (word == "--as-hardware") {
      result.options.strictness.as_hardware = true;
    } else if (word == "--strict") {
      result.options.strictness.strict = true;
    } else if (word == "--cycles") {
      result.options.cycle_limit = number(word, value(i), 10);
    } else if (word == "--trace") {
      result.options.trace_file = value(i);
    } else if (word == "--profile" || word == "--profile=region") {
      result.profile = "region";
    } else if (word == "--profile=function") {
      result.profile = "function";
    } else if (word == "--json") {
      result.json = value(i);
    } else if (word == "--summary") {
      result.summary = true;
    } else if (word == "--disassemble") {
      const auto text = disassemble(decode(static_cast<uint32_t>(number(word, value(i), 16))), 0);
      std::printf("%s\n", text.c_str());
    } else if (word == "--help" || word == "-h") {
      std::fputs(usage, stdout);
      std::exit(0);
    } else if (word.rfind("--", 0) == 0) {
      fail_usage("unknown option " + word);
    } else if (result.program.empty()) {
      result.program = word;
    } else {
      fail_usage("only one program can be run");
    }
  }
  if (result.options.functional && !result.profile.empty())
    fail_usage("--profile counts cycles, which --functional does not have; leave one of them away");
  return result;
}

void write_json(const std::string& path, const Cluster& cluster, const Outcome& outcome,
                const Profile* profile, const std::string& error) {
  nlohmann::json document = {{"machine", cluster.machine().name},
                             {"exited", outcome.exited},
                             {"exit_code", outcome.exit_code},
                             {"cycles", outcome.cycles},
                             {"instructions", outcome.instructions},
                             {"error", error},
                             {"warnings", cluster.warnings()},
                             {"tcdm_accessed", cluster.counters().tcdm_accessed},
                             {"tcdm_congested", cluster.counters().tcdm_congested},
                             {"dma_bytes", cluster.counters().dma_bytes},
                             {"dma_busy", cluster.counters().dma_busy}};
  for (const Core& core : cluster.cores()) {
    const Counters& c = core.counters();
    document["harts"].push_back({{"id", core.hart().id},
                                 {"instructions", c.retired},
                                 {"fp_instructions", c.fp_issued},
                                 {"fpu_issued", c.fpu_issued},
                                 {"flops", c.flops}});
  }
  if (profile) document["profile"] = nlohmann::json::parse(profile->json());
  std::ofstream file(path);
  if (!file) throw std::runtime_error(path + ": cannot be written");
  file << document.dump(2) << "\n";
}

int simulate(const Arguments& arguments) {
  Options options = arguments.options;
  options.print = [](const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); };
  Cluster cluster(load_machine(arguments.machine), options);
  cluster.load(read_file(arguments.program));
  std::unique_ptr<Profile> profile;
  if (!arguments.profile.empty())
    profile = std::make_unique<Profile>(arguments.profile == "function" ? Profile::By::function
                                                                        : Profile::By::region);
  cluster.set_profile(profile.get());
  Outcome outcome;
  std::string error;
  try {
    outcome = cluster.run();
  } catch (const Violation& violation) {
    error = violation.what();
  }
  std::fflush(stdout);
  for (const std::string& warning : cluster.warnings())
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  if (profile) {
    profile->finish(cluster);
    std::fprintf(stderr, "%s", profile->text().c_str());
  }
  if (!arguments.json.empty()) write_json(arguments.json, cluster, outcome, profile.get(), error);
  if (!error.empty()) {
    std::fprintf(stderr, "error: %s\n", error.c_str());
    return broken_rule;
  }
  if (arguments.summary)
    std::fprintf(stderr, "%llu cycles, %llu instructions\n",
                 static_cast<unsigned long long>(outcome.cycles),
                 static_cast<unsigned long long>(outcome.instructions));
  return static_cast<int>(outcome.exit_code & 0xff);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Arguments arguments = parse(argc, argv);
    if (arguments.program.empty() && argc > 2) return 0;
    if (arguments.program.empty()) fail_usage("no program given");
    return simulate(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "snitch-sim: %s\n", error.what());
    return bad_usage;
  }
}

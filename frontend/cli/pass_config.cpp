// The table of configuration names. Those without an effect configure parts of TVM that have no
// counterpart here (its loop vectoriser, its assertions); their values are still checked.
#include "frontend/cli/pass_config.h"

#include <algorithm>
#include <cctype>

#include "frontend/cli/arguments.h"
#include "ir/error.h"

namespace mlfc {
namespace {

/// A list or an object is something that a command line cannot give; tvmc refuses those, too.
enum class Kind : uint8_t { boolean, number, text, structured };

struct Setting {
  std::string_view name = {};
  Kind kind = Kind::boolean;
  void (*apply)(Options& options, const std::string& value) = nullptr;
};

bool is_true(const std::string& value) {
  return value != "0" && value != "false";
}

void set_usmp(Options& options, const std::string& value) {
  options.plan_workspace = is_true(value);
}

void set_workspace_io(Options& options, const std::string& value) {
  options.io_in_workspace = is_true(value);
}

void set_algorithm(Options& options, const std::string& value) {
  const std::vector<std::string> known = {"greedy_by_size", "greedy_by_conflicts", "hill_climb"};
  if (std::ranges::find(known, value) == known.end()) {
    fail("", "The selected USMP algorithm '", value,
         "' is not defined. Choices: ", fmt::format("{}", fmt::join(known, ", ")));
  }
  options.workspace_algorithm = value;
}

constexpr Setting settings_table[] = {
    {"relay.FuseOps.link_params", Kind::boolean},
    {"relay.FuseOps.max_depth", Kind::number},
    {"relay.ToMixedPrecision.keep_orig_output_dtype", Kind::boolean},
    {"relay.backend.disable_memory_plan", Kind::boolean},
    {"relay.backend.tir_converter", Kind::text},
    {"relay.backend.use_auto_scheduler", Kind::boolean},
    {"relay.backend.use_meta_schedule", Kind::boolean},
    {"relay.backend.use_meta_schedule_dispatch", Kind::number},
    {"relay.fallback_device_type", Kind::number},
    {"relay.frontend.fill_span", Kind::boolean},
    {"relay.remove_standalone_reshapes.enable", Kind::boolean},
    {"tir.HoistIfThenElse", Kind::structured},
    {"tir.InjectDoubleBuffer", Kind::structured},
    {"tir.LoopPartition", Kind::structured},
    {"tir.Simplify", Kind::structured},
    {"tir.UnrollLoop", Kind::structured},
    {"tir.add_lower_pass", Kind::structured},
    {"tir.debug_keep_trivial_loop", Kind::boolean},
    {"tir.disable_assert", Kind::boolean},
    {"tir.disable_cse_tir", Kind::boolean},
    {"tir.disable_storage_rewrite", Kind::boolean},
    {"tir.disable_vectorize", Kind::boolean},
    {"tir.enable_debug", Kind::boolean},
    {"tir.enable_equiv_terms_in_cse_tir", Kind::boolean},
    {"tir.instrument_bound_checkers", Kind::boolean},
    {"tir.is_entry_func", Kind::boolean},
    {"tir.noalias", Kind::boolean},
    {"tir.usmp.algorithm", Kind::text, set_algorithm},
    {"tir.usmp.custom_algorithm", Kind::text},
    {"tir.usmp.enable", Kind::boolean, set_usmp},
    {"tir.usmp.use_workspace_io", Kind::boolean, set_workspace_io},
    {"tir.vtcm_capacity", Kind::number},
};

const Setting& find_setting(const std::string& name) {
  std::vector<std::string> names;
  const Setting* found = nullptr;
  for (const Setting& setting : settings_table) {
    if (setting.name == name) found = &setting;
    if (setting.kind != Kind::structured) names.emplace_back(setting.name);
  }
  const std::string list = fmt::format("{}", fmt::join(names, ", "));
  if (found != nullptr && found->kind == Kind::structured) {
    fail("", "Configuration '", name, "' uses a data type not supported here. The following ",
         "configurations are supported: ", list);
  }
  if (found != nullptr) return *found;
  const auto suggestion = nearest(name, names);
  fail("", "Configuration '", name, "' is not defined",
       suggestion ? "; did you mean '" + *suggestion + "'?" : ".",
       " These are the existing configurations: ", list);
}

}  // namespace

void apply_pass_config(const std::vector<std::string>& settings, Options& options) {
  for (const std::string& text : settings) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || text.find('=', equals + 1) != std::string::npos) {
      fail("", "Invalid format for configuration '", text, "', use <config>=<value>");
    }
    const std::string name = text.substr(0, equals);
    std::string value = text.substr(equals + 1);
    const Setting& setting = find_setting(name);
    if (setting.kind != Kind::text) {
      for (char& c : value) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      const bool digits = !value.empty() && std::ranges::all_of(value, [](char c) {
        return std::isdigit(static_cast<unsigned char>(c)) != 0;
      });
      if (!digits && value != "true" && value != "false") {
        fail("", "Invalid value '", text.substr(equals + 1), "' for configuration '", name, "'");
      }
    }
    if (setting.apply != nullptr) setting.apply(options, value);
  }
}

}  // namespace mlfc

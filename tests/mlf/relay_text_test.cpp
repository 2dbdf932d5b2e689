// src/<module>.relay: the one line that tools parse, with the patterns they use.
#include <gtest/gtest.h>

#include <regex>

#include "tests/mlf/sample.h"

namespace mlfc {
namespace {

std::string relay_of(const Graph& graph) {
  return sample::text_of(sample::archive_of(graph, sample::c_interface()), "./src/default.relay");
}

// The only line with `def @main(`.
std::string main_line(const std::string& text) {
  const size_t at = text.find("def @main(");
  EXPECT_NE(at, std::string::npos);
  EXPECT_EQ(text.find("def @main(", at + 1), std::string::npos);
  return text.substr(at, text.find('\n', at) - at);
}

TEST(RelayText, NamesInputsAndOutputsAsTheHeaderDoes) {
  EXPECT_EQ(main_line(relay_of(*sample::net())),
            "def @main(%x: Tensor[(1, 4), float32], %aux_0: Tensor[(3), float32], "
            "output_tensor_names=[\"output0\", \"output1\"]) -> "
            "(Tensor[(1, 4), float32], Tensor[(1), float32]) {");
}

TEST(RelayText, NeedsNoNameForASingleOutput) {
  const auto graph = sample::net();
  Value& second = *graph->outputs[1];
  graph->outputs.resize(1);
  sample::place(second, "global_workspace", 16);
  EXPECT_EQ(main_line(relay_of(*graph)),
            "def @main(%x: Tensor[(1, 4), float32], %aux_0: Tensor[(3), float32]) -> "
            "Tensor[(1, 4), float32] {");
}

TEST(RelayText, IsReadByPatternsForNamesShapesAndTypes) {
  const std::string line = main_line(relay_of(*sample::net()));
  const std::string inputs = line.substr(0, line.find("-> "));
  const std::regex input("%([A-Za-z0-9_]+): Tensor\\[\\(([^\\]]*)\\), ([a-z0-9]+)\\]");
  std::vector<std::string> found;
  for (std::sregex_iterator match(inputs.begin(), inputs.end(), input), end; match != end;
       ++match) {
    found.push_back((*match)[1].str() + "|" + (*match)[2].str() + "|" + (*match)[3].str());
  }
  EXPECT_EQ(found, (std::vector<std::string>{"x|1, 4|float32", "aux_0|3|float32"}));
  std::smatch names;
  const std::regex output_names("output_tensor_names=\\[([^\\]]*)\\]");
  ASSERT_TRUE(std::regex_search(line, names, output_names));
  EXPECT_EQ(names[1], "\"output0\", \"output1\"");
}

TEST(RelayText, RecordsWhatTheModelCalledThings) {
  const std::string text = relay_of(*sample::net());
  EXPECT_NE(text.find("// input aux_0 is aux/0\n"), std::string::npos);
  EXPECT_NE(text.find("// output output0 is y\n"), std::string::npos);
  EXPECT_NE(text.find("  %0 = sample_work(%x, meta[w]) /* ty=Tensor[(1, 4), float32] "
                      "span=add* /1 */;\n"),
            std::string::npos);
  EXPECT_TRUE(text.ends_with("  (%2, %3)\n}\n")) << text;
}

TEST(RelayText, StaysOnOneLineWhateverTensorsAreCalled) {
  const std::string text = relay_of(*sample::net({.input = "a\ndef @main(%evil"}));
  EXPECT_NE(text.find("// input a_def__main__evil is a%0adef @main(%evil\n"), std::string::npos);
  EXPECT_NE(text.find("\ndef @main(%a_def__main__evil: Tensor"), std::string::npos);
}

}  // namespace
}  // namespace mlfc

// The option parser: what tvmc's users type must mean what they are used to.
#include "frontend/cli/arguments.h"

#include <gtest/gtest.h>

#include "frontend/cli/input_shapes.h"
#include "frontend/cli/pass_config.h"
#include "frontend/cli/target_string.h"
#include "ir/error.h"

namespace mlfc {
namespace {

const Syntax& syntax() {
  static const Syntax syntax{
      .command = "test",
      .summary = "A test.",
      .positional = "FILE",
      .groups = {{"all",
                  {{.name = "--output", .short_name = "-o", .value = "FILE", .help = "A file."},
                   {.name = "--output-format", .value = "F", .help = "A format."},
                   {.name = "--target", .value = "T", .help = "A target."},
                   {.name = "--executor-aot-unpacked-api", .value = "0|1", .help = "A switch."},
                   {.name = "--layout", .value = "L", .help = "Words.", .many_words = true},
                   {.name = "--kind", .value = "K", .help = "One of.", .choices = {"a", "b"}},
                   {.name = "--flag", .help = "A flag."}}}}};
  return syntax;
}

Arguments parsed(const std::vector<std::string>& words) {
  return parse_arguments(syntax(), words);
}

std::string error_of(const std::vector<std::string>& words) {
  try {
    parsed(words);
    return "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

TEST(Arguments, TakeBothSpellingsAndPrefixes) {
  EXPECT_EQ(parsed({"m", "--target", "c -keys=cpu"}).text("--target"), "c -keys=cpu");
  EXPECT_EQ(parsed({"m", "--target=c -keys=cpu"}).text("--target"), "c -keys=cpu");
  EXPECT_EQ(parsed({"m", "-o", "x"}).text("--output"), "x");
  EXPECT_EQ(parsed({"m", "-ox"}).text("--output"), "x");
  EXPECT_EQ(parsed({"m", "-o=x"}).text("--output"), "x");
  EXPECT_TRUE(parsed({"m", "--exec=1"}).boolean("--executor-aot-unpacked-api", false));
  EXPECT_EQ(parsed({"m", "--output", "x"}).text("--output"), "x");  // exact before longer names
  EXPECT_EQ(parsed({"--target", "a", "--target", "b", "m"}).all("--target").size(), 2u);
  EXPECT_EQ(parsed({"--layout", "NCHW", "NHWC", "--flag", "m"}).all("--layout").size(), 2u);
  EXPECT_EQ(parsed({"--flag", "--", "--output"}).file(), "--output");
}

TEST(Arguments, ExplainMistakes) {
  EXPECT_EQ(error_of({"--outptu", "x"}), "unknown option '--outptu'; did you mean '--output'?");
  EXPECT_EQ(error_of({"--outp", "x"}),
            "'--outp' is ambiguous: it could be --output, --output-format");
  EXPECT_EQ(error_of({"--output"}), "--output needs a value (FILE)");
  EXPECT_EQ(error_of({"--output", "--flag"}), "--output needs a value (FILE)");
  EXPECT_EQ(error_of({"--flag=1"}), "--flag takes no value");
  EXPECT_EQ(error_of({"--kind", "c"}), "--kind is 'c', but it must be one of a, b");
  EXPECT_THROW(parsed({}).file(), UsageError);
  EXPECT_THROW(parsed({"a", "b"}).file(), UsageError);
  EXPECT_THROW(parsed({"--exec=maybe"}).boolean("--executor-aot-unpacked-api", false), UsageError);
}

TEST(Arguments, PrintHelpThatFits) {
  const std::string help = help_text(syntax());
  EXPECT_NE(help.find("-o, --output FILE"), std::string::npos);
  for (size_t begin = 0; begin < help.size();) {
    const size_t end = help.find('\n', begin);
    EXPECT_LE(end - begin, 100u) << help.substr(begin, end - begin);
    begin = end + 1;
  }
}

TEST(InputShapes, TakeAnyName) {
  const auto shapes = parse_input_shapes({"aux:[1,102],spec:[1, 128,128,1]", "a/b-c.d:0:[2] s:[]"});
  EXPECT_EQ(shapes.size(), 4u);
  EXPECT_EQ(shapes.at("aux"), (Shape{1, 102}));
  EXPECT_EQ(shapes.at("spec"), (Shape{1, 128, 128, 1}));
  EXPECT_EQ(shapes.at("a/b-c.d:0"), (Shape{2}));
  EXPECT_EQ(shapes.at("s"), Shape{});
}

TEST(InputShapes, RefuseOtherForms) {
  for (const char* text : {"", "x", "x:1,2", "x:[1,2", "x:[a]", ":[1]", "x:[1] x:[1]", "x:[1.5]"}) {
    EXPECT_THROW(parse_input_shapes({text}), UsageError) << text;
  }
}

TEST(Targets, HaveTvmsCanonicalSpelling) {
  EXPECT_EQ(parse_target("c").canonical(), "c -keys=cpu ");
  EXPECT_EQ(parse_target("c -keys=cpu").canonical(), "c -keys=cpu ");
  EXPECT_EQ(parse_target("c -march=rv32imafd -mcpu=snitch").canonical(),
            "c -keys=cpu -march=rv32imafd -mcpu=snitch");
  EXPECT_EQ(parse_target("c -mcpu=cortex-m4").canonical(), "c -keys=arm_cpu,cpu -mcpu=cortex-m4");
  EXPECT_EQ(parse_target("c -mcpu=cortex-m7 -keys=arm_cpu,cpu -model=m").canonical(),
            "c -keys=arm_cpu,cpu -mcpu=cortex-m7 -model=m");
  EXPECT_EQ(parse_target("c --mcpu='two words'").attributes.at("mcpu"), "two words");
  EXPECT_EQ(parse_target(R"({"kind": "c", "keys": ["x", "cpu"], "mcpu": "rv32"})").canonical(),
            "c -keys=x,cpu -mcpu=rv32");
}

TEST(Targets, RefuseWhatTheyDoNotKnow) {
  for (const char* text :
       {"llvm", "c -runtime=c", "c mcpu=x", "c, c", "", "{}", "{\"kind\": 3}", "c -mcpu='x"}) {
    EXPECT_THROW(parse_target(text), UserError) << text;
  }
}

TEST(Targets, NameWhatIsWrongWithLists) {
  const auto message = [](const std::string& text) -> std::string {
    try {
      parse_target(text);
      return "";
    } catch (const UserError& error) {
      return error.what();
    }
  };
  EXPECT_TRUE(message("c, c").starts_with("Duplicate target definitions are not allowed"));
  EXPECT_TRUE(message("cmsis-nn, c").starts_with("target 'cmsis-nn' is not supported"));
  EXPECT_TRUE(message("c, llvm").starts_with("The last target needs to be"));
}

TEST(PassConfig, SetsWhatHasAMeaning) {
  Options options;
  apply_pass_config({"tir.usmp.enable=False", "tir.usmp.algorithm=hill_climb",
                     "tir.disable_vectorize=1", "tir.usmp.use_workspace_io=TRUE"},
                    options);
  EXPECT_FALSE(options.plan_workspace);
  EXPECT_TRUE(options.io_in_workspace);
  EXPECT_EQ(options.workspace_algorithm, "hill_climb");
}

TEST(PassConfig, RefusesTheRest) {
  for (const char* text :
       {"tir.usmp.enable", "tir.usmp.enable=maybe", "tir.usmp.enable=-1", "no.such.thing=1",
        "tir.UnrollLoop=1", "tir.usmp.algorithm=best", "a=b=c"}) {
    Options options;
    EXPECT_THROW(apply_pass_config({text}, options), UserError) << text;
  }
}

}  // namespace
}  // namespace mlfc

// Names from models: what becomes an identifier, and what may stand in a comment.
#include "codegen/mlf/names.h"

#include <gtest/gtest.h>

#include <cctype>

#include "ir/error.h"

namespace mlfc {
namespace {

TEST(Sanitised, KeepsWhatApplicationsSpell) {
  EXPECT_EQ(sanitised("input_1"), "input_1");
  EXPECT_EQ(sanitised("serving_default_x:0"), "serving_default_x_0");
  EXPECT_EQ(sanitised("/model/Conv.out;1"), "_model_Conv_out_1");
  EXPECT_EQ(sanitised("Upper"), "Upper");
  EXPECT_EQ(sanitised("_x"), "_x");
}

TEST(Sanitised, MakesIdentifiersOfTheRest) {
  EXPECT_EQ(sanitised("0"), "_0");
  EXPECT_EQ(sanitised("int"), "_int");
  EXPECT_EQ(sanitised("class"), "_class");
  EXPECT_EQ(sanitised("INT8_MAX"), "_INT8_MAX");
  EXPECT_EQ(sanitised("UINT_LEAST16_MAX"), "_UINT_LEAST16_MAX");
  EXPECT_EQ(sanitised("linux"), "_linux");
  EXPECT_EQ(sanitised("__LINE__"), "v__LINE__");
  EXPECT_EQ(sanitised(""), "_");
  EXPECT_EQ(sanitised("\xc3\xa9"), "__") << "a byte is a character, as in TVM";
}

TEST(ModuleSymbol, IsLowerCaseAndSafeInPaths) {
  EXPECT_EQ(module_symbol("default"), "default");
  EXPECT_EQ(module_symbol("MyNet-v1.2"), "mynet_v1_2");
  for (const char* bad : {"", "../../x", "a b", "a/b", "a\nb", "caf\xc3\xa9"}) {
    EXPECT_THROW(module_symbol(bad), UserError) << bad;
  }
  EXPECT_THROW(module_symbol(std::string(65, 'a')), UserError);
}

TEST(ShortenedSymbol, KeepsEightyCharactersAndTellsLongNamesApart) {
  const std::string fits(80, 'a');
  EXPECT_EQ(shortened_symbol(fits), fits);
  const std::string one = shortened_symbol(std::string(200, 'a'));
  const std::string other = shortened_symbol(std::string(201, 'a'));
  EXPECT_EQ(one.size(), 80u + 18u);
  EXPECT_EQ(one.substr(0, 81), fits + "_");
  EXPECT_NE(one, other);
}

TEST(UniqueName, CountsFromOne) {
  std::set<std::string> taken;
  EXPECT_EQ(unique_name("a", taken), "a");
  EXPECT_EQ(unique_name("a", taken), "a_1");
  EXPECT_EQ(unique_name("a_1", taken), "a_1_1");
}

TEST(BlockComment, CannotBeLeft) {
  EXPECT_EQ(block_comment("a\nb"), "/* a\n * b */\n");
  EXPECT_EQ(block_comment("x*/ int evil; /*"), "/* x* / int evil; / * */\n");
  EXPECT_EQ(comment_line("**//"), "** //");
  EXPECT_EQ(comment_line("?\?/"), "? ?/");
  EXPECT_EQ(comment_line("a\\\nb\x80"), "a%5c%0ab%80");
  EXPECT_LT(comment_line(std::string(65536, 'n')).size(), 200u);
}

TEST(StringLiteral, EscapesWhatCReads) {
  EXPECT_EQ(string_literal("a\"b\\1?\n9"), "\"a\\042b\\1341\\077\\0129\"");
}

// Whatever a model calls something, nothing but identifiers and closed comments come out.
TEST(Names, SurviveATortureList) {
  std::vector<std::string> names = {"*/",
                                    "//",
                                    "/*",
                                    "\n",
                                    "\"",
                                    "'",
                                    "\\",
                                    "\\\n",
                                    "?\?/",
                                    "%n",
                                    "main",
                                    "_X",
                                    "a.b",
                                    "a-b",
                                    "../../x",
                                    "0",
                                    "new",
                                    "\xe2\x80\xae",
                                    std::string(65536, 'q'),
                                    "",
                                    "int int",
                                    std::string("a\0b", 3)};
  for (int byte = 0; byte < 256; byte++) {
    names.push_back(std::string(1, static_cast<char>(byte)));
    names.push_back({'*', static_cast<char>(byte), '/'});
  }
  for (const std::string& name : names) {
    const std::string symbol = sanitised(name);
    ASSERT_FALSE(symbol.empty());
    EXPECT_FALSE(std::isdigit(static_cast<unsigned char>(symbol[0])));
    for (const char c : symbol)
      EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)) || c == '_');
    const std::string comment = block_comment(name);
    EXPECT_EQ(comment.find("*/"), comment.size() - 3) << comment;
    EXPECT_EQ(comment.find("/*", 1), std::string::npos) << comment;
    EXPECT_EQ(comment.find('\\'), std::string::npos);
  }
}

}  // namespace
}  // namespace mlfc

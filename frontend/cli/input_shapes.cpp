// A name ends at `:[`, the shape at `]`; what separates entries (blanks, commas, semicolons) cannot
// begin a name. Everything else may be in a name: `/`, `-`, `.`, `:`, even blanks.
#include "frontend/cli/input_shapes.h"

#include <charconv>

#include "frontend/cli/arguments.h"
#include "ir/error.h"

namespace mlfc {
namespace {

[[noreturn]] void fail_form(const std::string& text) {
  throw UsageError("--input-shapes is '" + text +
                   "', but it must be of the form \"name:[dim1,dim2,...] name2:[dim1,...]\"");
}

Shape parse_shape(const std::string& dims, const std::string& text) {
  Shape shape;
  const std::vector<std::string> parts = split_commas(dims);
  for (const std::string& part : parts) {
    int64_t extent = 0;
    const char* end = part.data() + part.size();
    const auto result = std::from_chars(part.data(), end, extent);
    if (result.ec != std::errc() || result.ptr != end) fail_form(text);
    shape.push_back(extent);
  }
  return shape;
}

}  // namespace

std::map<std::string, Shape> parse_input_shapes(const std::vector<std::string>& texts) {
  std::map<std::string, Shape> shapes;
  for (const std::string& text : texts) {
    if (text.find(":[") == std::string::npos) fail_form(text);
    size_t at = 0;
    for (;;) {
      at = text.find_first_not_of(" ,;\t", at);
      if (at == std::string::npos) break;
      const size_t open = text.find(":[", at);
      const size_t close = open == std::string::npos ? open : text.find(']', open);
      if (close == std::string::npos || open == at) fail_form(text);
      const std::string name = text.substr(at, open - at);
      if (!shapes.emplace(name, parse_shape(text.substr(open + 2, close - open - 2), text))
               .second) {
        throw UsageError("--input-shapes names '" + name + "' twice");
      }
      at = close + 1;
    }
  }
  return shapes;
}

}  // namespace mlfc

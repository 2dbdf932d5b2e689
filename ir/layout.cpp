// Layout arithmetic and its notations: storage order with blocks (a b/8 c d b%8) for dense layouts,
// strides for plain views, and digits (extent:stride, an axis's digits joined by commas) for the
// rest: views of blocked storage.
#include "ir/layout.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "ir/error.h"
#include "ir/type.h"

namespace mlfc {
namespace {

constexpr int64_t kMostPlaces = int64_t{1} << 40;

struct PlacedDigit {
  int axis = 0;
  size_t position = 0;  ///< 0 is the axis's outermost digit
  Digit digit = {};
};

// All digits by falling stride: the order of storage, outermost first. Digits of extent 1 have no
// place of their own; they stay beside their neighbours in axis order.
std::vector<PlacedDigit> in_storage_order(const Layout& layout) {
  std::vector<PlacedDigit> digits;
  for (size_t axis = 0; axis < layout.axes.size(); ++axis) {
    for (size_t position = 0; position < layout.axes[axis].size(); ++position) {
      digits.push_back({static_cast<int>(axis), position, layout.axes[axis][position]});
    }
  }
  std::stable_sort(digits.begin(), digits.end(), [](const PlacedDigit& a, const PlacedDigit& b) {
    return a.digit.stride > b.digit.stride;
  });
  return digits;
}

std::string axis_letter(int axis) {
  return std::string(1, static_cast<char>('a' + axis));
}

std::string ordered_text(const Layout& layout) {
  std::string text;
  for (const PlacedDigit& placed : in_storage_order(layout)) {
    const auto& digits = layout.axes[placed.axis];
    if (!text.empty()) text += ' ';
    text += axis_letter(placed.axis);
    if (digits.size() == 1) continue;
    const bool inner = placed.position + 1 == digits.size();
    text += fmt::format("{}{}", inner ? '%' : '/', digits.back().extent);
  }
  return text;
}

// The layout that the text of `ordered_text` stands for, to see whether that text is faithful.
bool is_ordered(const Layout& layout) {
  if (layout.offset != 0) return false;
  std::vector<Layout::Term> terms;
  std::vector<int64_t> shape;
  for (const auto& digits : layout.axes) {
    if (digits.size() > 2) return false;
    int64_t extent = 1;
    for (const Digit& digit : digits) extent *= digit.extent;
    shape.push_back(extent);
  }
  for (const PlacedDigit& placed : in_storage_order(layout)) {
    const auto& digits = layout.axes[placed.axis];
    const int64_t block = digits.size() == 1 ? 0 : digits.back().extent;
    terms.push_back({placed.axis, placed.position == 0 ? block : -block});
  }
  return Layout::ordered(shape, terms) == layout;
}

int64_t parse_number(const std::string& word) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) {
    fail("layout", "expected a number, found '", word, "'");
  }
  return value;
}

// 4:64,8:1 - the digits of one axis.
std::vector<Digit> parse_digits(const std::string& word) {
  std::vector<Digit> digits;
  std::istringstream parts(word);
  for (std::string part; std::getline(parts, part, ',');) {
    const size_t colon = part.find(':');
    if (colon == std::string::npos) fail("layout", "expected extent:stride, found '", part, "'");
    digits.push_back({parse_number(part.substr(0, colon)), parse_number(part.substr(colon + 1))});
  }
  return digits;
}

Layout parse_general(std::istringstream& words, const std::vector<int64_t>& shape) {
  Layout layout;
  std::string word;
  while (words >> word && word != "offset") layout.axes.push_back(parse_digits(word));
  if (word == "offset" && words >> word) layout.offset = parse_number(word);
  if (layout.axes.size() != shape.size()) {
    fail("layout", layout.axes.size(), " axes for a tensor of rank ", shape.size());
  }
  return layout;
}

std::string general_text(const Layout& layout) {
  std::string text = "digits";
  for (const auto& axis : layout.axes) {
    char separator = ' ';
    for (const Digit& digit : axis) {
      text += fmt::format("{}{}:{}", separator, digit.extent, digit.stride);
      separator = ',';
    }
  }
  return text;
}

// Every axis once: whole, or as an outer and an inner part of the same block.
void check_terms(const std::vector<Layout::Term>& terms, const std::vector<int64_t>& shape) {
  std::vector<int64_t> outer(shape.size(), 0), inner(shape.size(), 0), whole(shape.size(), 0);
  int64_t places = 1;
  for (const Layout::Term& term : terms) {
    const auto axis = static_cast<size_t>(term.axis);
    const int64_t block = std::abs(term.block);
    if (block > kMostPlaces) fail("layout", "block ", block, " is too large");
    auto& slot = term.block == 0 ? whole[axis] : term.block > 0 ? outer[axis] : inner[axis];
    if (slot != 0) fail("layout", "axis ", axis_letter(term.axis), " is named twice");
    slot = std::max<int64_t>(block, 1);
    const int64_t extent = term.block == 0  ? shape[axis]
                           : term.block < 0 ? block
                                            : (shape[axis] + block - 1) / block;
    if (extent > 0 && places > kMostPlaces / extent) fail("layout", "more than 2^40 places");
    places *= extent;
  }
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const bool once = whole[axis] != 0 ? outer[axis] == 0 && inner[axis] == 0
                                       : outer[axis] != 0 && outer[axis] == inner[axis];
    if (!once) {
      fail("layout", "axis ", axis_letter(static_cast<int>(axis)),
           " must be named once: whole, or as an outer and an inner part of one block");
    }
  }
}

Layout parse_strided(std::istringstream& words, const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides;
  int64_t offset = 0;
  std::string word;
  while (words >> word && word != "offset") strides.push_back(parse_number(word));
  if (word == "offset" && words >> word) offset = parse_number(word);
  if (strides.size() != shape.size()) {
    fail("layout", strides.size(), " strides for a tensor of rank ", shape.size());
  }
  return Layout::strided(shape, strides, offset);
}

}  // namespace

int64_t Layout::place(const std::vector<int64_t>& index) const {
  int64_t place = offset;
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    int64_t rest = index[axis];
    for (size_t digit = axes[axis].size(); digit-- > 1;) {
      place += rest % axes[axis][digit].extent * axes[axis][digit].stride;
      rest /= axes[axis][digit].extent;
    }
    place += rest * axes[axis].front().stride;
  }
  return place;
}

int64_t Layout::span() const {
  int64_t last = offset;
  for (const auto& digits : axes) {
    for (const Digit& digit : digits) {
      if (digit.extent == 0) return 0;
      if (digit.stride > 0) last += (digit.extent - 1) * digit.stride;
    }
  }
  return last + 1;
}

bool Layout::is_strided() const {
  return std::all_of(axes.begin(), axes.end(), [](const auto& axis) { return axis.size() == 1; });
}

std::vector<int64_t> Layout::strides() const {
  check(is_strided(), "strides of a blocked layout");
  std::vector<int64_t> strides;
  for (const auto& axis : axes) strides.push_back(axis.front().stride);
  return strides;
}

bool Layout::is_dense() const {
  if (offset != 0) return false;
  auto digits = in_storage_order(*this);
  int64_t expected = 1;
  for (size_t i = digits.size(); i-- > 0;) {
    if (digits[i].digit.extent == 1) continue;
    if (digits[i].digit.stride != expected) return false;
    expected *= digits[i].digit.extent;
  }
  return true;
}

Layout Layout::row_major(const std::vector<int64_t>& shape) {
  return strided(shape, row_major_strides(shape), 0);
}

Layout Layout::permuted(const std::vector<int64_t>& shape, const std::vector<int>& order) {
  std::vector<Term> terms;
  for (const int axis : order) terms.push_back({axis, 0});
  return ordered(shape, terms);
}

Layout Layout::ordered(const std::vector<int64_t>& shape, const std::vector<Term>& terms) {
  Layout layout;
  layout.axes.resize(shape.size());
  int64_t stride = 1;
  // From the innermost term outwards. Wherever an axis's two parts are stored, the outer part is
  // its first digit.
  for (size_t i = terms.size(); i-- > 0;) {
    const Term& term = terms[i];
    const int64_t size = term.block < 0 ? -term.block : term.block;
    const int64_t extent = term.block == 0  ? shape[term.axis]
                           : term.block < 0 ? size
                                            : (shape[term.axis] + size - 1) / size;
    auto& digits = layout.axes[term.axis];
    digits.insert(term.block < 0 ? digits.end() : digits.begin(), Digit{extent, stride});
    stride *= extent;
  }
  for (const auto& digits : layout.axes) check(!digits.empty(), "layout leaves an axis out");
  return layout;
}

Layout Layout::strided(const std::vector<int64_t>& shape, const std::vector<int64_t>& strides,
                       int64_t offset) {
  Layout layout;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    layout.axes.push_back({Digit{shape[axis], strides[axis]}});
  }
  layout.offset = offset;
  return layout;
}

std::string why_misfit(const Layout& layout, const std::vector<int64_t>& shape) {
  if (layout.axes.size() != shape.size()) {
    return fmt::format("{} axes for a tensor of rank {}", layout.axes.size(), shape.size());
  }
  // Wide enough for any sum of products of bounded numbers.
  __int128 first = layout.offset, last = layout.offset, places = 1;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    __int128 extent = 1;
    for (const Digit& digit : layout.axes[axis]) {
      if (digit.extent < 0 || digit.extent > kMostPlaces || std::abs(digit.stride) > kMostPlaces) {
        return "an extent or a stride is out of range";
      }
      extent *= digit.extent;
      places *= digit.extent;
      if (extent > kMostPlaces || places > kMostPlaces) return "more than 2^40 places";
      const int64_t turns = std::max<int64_t>(digit.extent, 1) - 1;
      (digit.stride < 0 ? first : last) += static_cast<__int128>(turns) * digit.stride;
    }
    const auto& digits = layout.axes[axis];
    if (digits.empty()) return "an axis without digits";
    // One digit is the axis itself; of two, the outer one counts the blocks that are needed.
    const int64_t block = digits.size() == 1 ? 1 : digits.back().extent;
    const bool is_longer = digits.size() < 3 && extent - block >= shape[axis] && extent > 0;
    if (extent < shape[axis] || is_longer) {
      return fmt::format("axis {} of {} has a layout for {}", axis, to_text(shape),
                         static_cast<int64_t>(extent));
    }
  }
  if (first < 0 || last >= kMostPlaces) return "it reaches out of its storage";
  return "";
}

std::string to_text(const Layout& layout) {
  if (is_ordered(layout)) return ordered_text(layout);
  std::string text;
  if (layout.is_strided()) {
    text = "strides";
    for (const int64_t stride : layout.strides()) text += fmt::format(" {}", stride);
  } else {
    text = general_text(layout);
  }
  if (layout.offset != 0) text += fmt::format(" offset {}", layout.offset);
  return text;
}

Layout parse_layout(const std::string& text, const std::vector<int64_t>& shape) {
  std::istringstream words(text);
  std::string word;
  std::vector<Layout::Term> terms;
  while (words >> word) {
    if (word == "strides" && terms.empty()) return parse_strided(words, shape);
    if (word == "digits" && terms.empty()) return parse_general(words, shape);
    const int axis = word[0] - 'a';
    if (axis < 0 || axis >= static_cast<int>(shape.size())) {
      fail("layout", "'", word, "' names no axis of a tensor of rank ", shape.size());
    }
    int64_t block = 0;
    if (word.size() > 1) {
      const bool inner = word[1] == '%';
      if (!inner && word[1] != '/') fail("layout", "expected a/8 or a%8, found '", word, "'");
      block = parse_number(word.substr(2));
      if (block < 1) fail("layout", "a block must be positive in '", word, "'");
      if (inner) block = -block;
    }
    terms.push_back({axis, block});
  }
  check_terms(terms, shape);
  return Layout::ordered(shape, terms);
}

}  // namespace mlfc

// Reads types and tensors. The elements of a tensor stand before its type, so they are kept as text
// until the type is known; large tensors name bytes that follow the program.
//
// For tests written by hand there are two more forms, which print as lists or data:
//   constant splat(0.5) : f32[64]     every element the same
//   constant random(7) : f32[64]      near normal values made from the seed
#include <algorithm>
#include <charconv>
#include <cmath>

#include "ir/base64.h"
#include "ir/parse_parts.h"

namespace mlfc {
namespace {

// A few bytes of text must not be able to claim gigabytes.
constexpr int64_t kMostMadeElements = int64_t{1} << 24;
constexpr size_t kHighestRank = 26;  // layouts name axes by letters

// Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014): the same numbers on
// every machine, which std::normal_distribution does not promise.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t bits() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  /// Four uniform numbers added: near enough to a normal one, and within [-3.5, 3.5].
  double normal() {
    double sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<double>(bits() >> 11U) * 0x1p-53;
    return (sum - 2) * std::sqrt(3.0);
  }

 private:
  uint64_t state_;
};

void fill_random(Tensor& tensor, uint64_t seed) {
  const DType dtype = tensor.type.dtype;
  Random random(seed);
  for (int64_t i = 0; i < tensor.type.storage_elements(); ++i) {
    if (dtype == DType::boolean) {
      tensor.set_integer(i, static_cast<int64_t>(random.bits() >> 63U));
    } else if (is_float(dtype)) {
      tensor.set_real(i, random.normal());
    } else {
      // Integers stand for quantized data: centred in a byte.
      const bool is_unsigned = info(dtype).kind == DTypeKind::unsigned_integer;
      const auto step = static_cast<int64_t>(std::lround(random.normal() * 32));
      tensor.set_integer(i, is_unsigned ? step + 128 : step);
    }
  }
}

}  // namespace

TensorType Parser::type() {
  const size_t start = token_.offset;
  TensorType type{.dtype = dtype()};
  expect("[");
  if (!at("]") && !at("|")) {
    repeat(",", [&] { type.shape.push_back(integer("an extent")); });
  }
  located(start, [&] {
    element_count(type.shape);
    if (type.shape.size() > kHighestRank) fail("", "a rank above ", kHighestRank);
  });
  if (at("|")) {
    const std::string text = lexer_.raw_until(']');
    located(start, [&] {
      type.layout = parse_layout(text, type.shape);
      const std::string misfit = why_misfit(*type.layout, type.shape);
      if (!misfit.empty()) fail("layout", misfit);
    });
    advance();
  }
  expect("]");
  return type;
}

Parser::Literal Parser::element() {
  Literal literal{.offset = token_.offset};
  if (accept("-")) literal.text = "-";
  const bool is_word = at_word("inf") || at_word("nan") || at_word("true") || at_word("false");
  if (token_.kind != TokenKind::number && !is_word) error("expected a number");
  literal.text += token_.text;
  advance();
  return literal;
}

std::vector<Parser::Literal> Parser::elements() {
  std::vector<Literal> list;
  expect("[");
  if (accept("]")) return list;
  repeat(",", [&] { list.push_back(element()); });
  expect("]");
  return list;
}

void Parser::set_element(Tensor& tensor, int64_t place, const Literal& literal) const {
  const DType dtype = tensor.type.dtype;
  const char* begin = literal.text.data();
  const char* end = begin + literal.text.size();
  const auto refuse = [&] {
    lexer_.fail_at(literal.offset, "'" + literal.text + "' is not a value of " + to_text(dtype));
  };
  const auto read = [&](auto& number) {
    const auto [rest, problem] = std::from_chars(begin, end, number);
    if (problem != std::errc() || rest != end) refuse();
  };
  if (is_float(dtype)) {
    double value = 0;
    read(value);
    return tensor.set_real(place, value);
  }
  if (dtype == DType::boolean && (literal.text == "true" || literal.text == "false")) {
    return tensor.set_integer(place, literal.text == "true" ? 1 : 0);
  }
  if (dtype == DType::u64) {
    uint64_t value = 0;
    read(value);
    return tensor.set_integer(place, static_cast<int64_t>(value));
  }
  int64_t value = 0;
  read(value);
  tensor.set_integer(place, value);
  if (tensor.integer(place) != value) refuse();
}

void Parser::fill(Tensor& tensor, const std::vector<Literal>& elements, size_t offset) const {
  const int64_t count = tensor.type.storage_elements();
  if (static_cast<int64_t>(elements.size()) != count) {
    lexer_.fail_at(offset, concat_text(elements.size(), " elements for ", tensor.type,
                                       ", which stores ", count));
  }
  tensor = Tensor(tensor.type);
  for (int64_t i = 0; i < count; ++i) set_element(tensor, i, elements[static_cast<size_t>(i)]);
}

void Parser::tensor(Tensor& tensor) {
  const size_t start = token_.offset;
  const auto typed = [&] {
    expect(":");
    tensor.type = type();
  };
  const auto check_size = [&] {
    if (tensor.type.storage_elements() > kMostMadeElements) {
      lexer_.fail_at(start, "too many elements to make up");
    }
  };
  if (token_.kind == TokenKind::mark) {
    pending_.push_back({token_.text, &tensor, start});
    advance();
    typed();
  } else if (accept_word("splat")) {
    expect("(");
    const Literal value = element();
    expect(")");
    typed();
    check_size();
    fill(tensor, std::vector(static_cast<size_t>(tensor.type.storage_elements()), value), start);
  } else if (accept_word("random")) {
    expect("(");
    const int64_t seed = integer("a seed");
    expect(")");
    typed();
    check_size();
    tensor = Tensor(tensor.type);
    fill_random(tensor, static_cast<uint64_t>(seed));
  } else {
    const std::vector<Literal> list = at("[") ? elements() : std::vector<Literal>{element()};
    typed();
    fill(tensor, list, start);
  }
}

// data @w base64"..." for every tensor that waits for its bytes.
void Parser::data_section() {
  std::unordered_map<std::string, std::vector<std::byte>> data;
  while (accept_word("data")) {
    if (token_.kind != TokenKind::mark) error("expected the name of the data");
    const std::string data_name = token_.text;
    advance();
    expect_word("base64");
    if (token_.kind != TokenKind::quoted) error("expected a string");
    std::optional<std::vector<std::byte>> bytes = from_base64(token_.text);
    if (!bytes) error("this is not base64");
    advance();
    const bool is_new = data.emplace(data_name, std::move(*bytes)).second;
    if (!is_new) error("data '", data_name, "' is given twice");
  }
  for (const Pending& waiting : pending_) {
    const auto found = data.find(waiting.name);
    if (found == data.end()) {
      lexer_.fail_at(waiting.offset, "no data '" + waiting.name + "' follows the program");
    }
    const auto wanted = static_cast<size_t>(waiting.tensor->type.storage_bytes());
    if (found->second.size() != wanted) {
      lexer_.fail_at(waiting.offset,
                     concat_text("data '", waiting.name, "' has ", found->second.size(),
                                 " bytes, but ", waiting.tensor->type, " needs ", wanted));
    }
    waiting.tensor->bytes = found->second;
  }
  for (const auto& [data_name, bytes] : data) {
    const bool is_used = std::any_of(pending_.begin(), pending_.end(),
                                     [&](const Pending& p) { return p.name == data_name; });
    if (!is_used) error("no constant uses data '", data_name, "'");
  }
}

}  // namespace mlfc

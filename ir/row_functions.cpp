// Loops over rows of values. The functions that decide how long a model takes to interpret have
// loops of their own; all others go element by element through the scalar function table, which
// remains the definition of every function (a test holds the loops against the table).
#include "ir/row_functions.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "ir/error.h"
#include "ir/fixed_point.h"
#include "ir/tensor.h"

namespace mlfc {
namespace {

// --- single operations, in the C++ type of the row --------------------------------------------

uint64_t bits(int64_t value) {
  return static_cast<uint64_t>(value);
}

struct Add {
  template <typename T>
  static T of(T a, T b) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(bits(a) + bits(b));
    return a + b;
  }
};
struct Subtract {
  template <typename T>
  static T of(T a, T b) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(bits(a) - bits(b));
    return a - b;
  }
};
struct Multiply {
  template <typename T>
  static T of(T a, T b) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(bits(a) * bits(b));
    return a * b;
  }
};
struct Divide {
  template <typename T>
  static T of(T a, T b) {
    return a / b;
  }
};
// As in the table: a NaN in the first operand comes through, in the second it is ignored.
struct Minimum {
  template <typename T>
  static T of(T a, T b) {
    return b < a ? b : a;
  }
};
struct Maximum {
  template <typename T>
  static T of(T a, T b) {
    return a < b ? b : a;
  }
};
struct UnsignedMinimum {
  static int64_t of(int64_t a, int64_t b) { return bits(a) < bits(b) ? a : b; }
};
struct UnsignedMaximum {
  static int64_t of(int64_t a, int64_t b) { return bits(a) > bits(b) ? a : b; }
};
struct Less {
  template <typename T>
  static int64_t of(T a, T b) {
    return a < b;
  }
};
struct LessEqual {
  template <typename T>
  static int64_t of(T a, T b) {
    return a <= b;
  }
};
struct Equal {
  template <typename T>
  static int64_t of(T a, T b) {
    return a == b;
  }
};
struct And {
  static int64_t of(int64_t a, int64_t b) { return a != 0 && b != 0; }
};
struct Or {
  static int64_t of(int64_t a, int64_t b) { return a != 0 || b != 0; }
};
struct Negate {
  template <typename T>
  static T of(T a) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(0U - bits(a));
    return -a;
  }
};
struct Absolute {
  template <typename T>
  static T of(T a) {
    return std::fabs(a);
  }
};
struct SquareRoot {
  template <typename T>
  static T of(T a) {
    return std::sqrt(a);
  }
};
struct Not {
  static int64_t of(int64_t a) { return a == 0; }
};

// --- loops ------------------------------------------------------------------------------------

template <typename T, typename Operation>
void binary_row(int count, void* result, const void* const* args) {
  using Result = decltype(Operation::of(T{}, T{}));
  auto* out = static_cast<Result*>(result);
  const auto* a = static_cast<const T*>(args[0]);
  const auto* b = static_cast<const T*>(args[1]);
  for (int i = 0; i < count; ++i) out[i] = Operation::of(a[i], b[i]);
}

template <typename T, typename Operation>
void unary_row(int count, void* result, const void* const* args) {
  auto* out = static_cast<T*>(result);
  const auto* a = static_cast<const T*>(args[0]);
  for (int i = 0; i < count; ++i) out[i] = Operation::of(a[i]);
}

template <typename T>
void select_row(int count, void* result, const void* const* args) {
  auto* out = static_cast<T*>(result);
  const auto* condition = static_cast<const int64_t*>(args[0]);
  const auto* yes = static_cast<const T*>(args[1]);
  const auto* no = static_cast<const T*>(args[2]);
  for (int i = 0; i < count; ++i) out[i] = condition[i] != 0 ? yes[i] : no[i];
}

struct NativeFunction {
  std::string_view name = {};
  RowFunction f32 = nullptr, f64 = nullptr, i64 = nullptr, u64 = nullptr;
};

template <typename Operation>
NativeFunction native_everywhere(std::string_view name) {
  return {name, binary_row<float, Operation>, binary_row<double, Operation>,
          binary_row<int64_t, Operation>, binary_row<int64_t, Operation>};
}
template <typename Operation>
NativeFunction native_signed(std::string_view name) {
  return {name, binary_row<float, Operation>, binary_row<double, Operation>,
          binary_row<int64_t, Operation>, nullptr};
}
template <typename Operation>
NativeFunction native_float(std::string_view name) {
  return {name, unary_row<float, Operation>, unary_row<double, Operation>, nullptr, nullptr};
}
template <typename Operation>
NativeFunction native_logic(std::string_view name) {
  return {name, nullptr, nullptr, binary_row<int64_t, Operation>, binary_row<int64_t, Operation>};
}

const std::vector<NativeFunction>& native_functions() {
  static const std::vector<NativeFunction> functions = {
      native_everywhere<Add>("add"),
      native_everywhere<Subtract>("sub"),
      native_everywhere<Multiply>("mul"),
      native_everywhere<Equal>("equal"),
      {"div", binary_row<float, Divide>, binary_row<double, Divide>, nullptr, nullptr},
      {"min", binary_row<float, Minimum>, binary_row<double, Minimum>, binary_row<int64_t, Minimum>,
       binary_row<int64_t, UnsignedMinimum>},
      {"max", binary_row<float, Maximum>, binary_row<double, Maximum>, binary_row<int64_t, Maximum>,
       binary_row<int64_t, UnsignedMaximum>},
      native_signed<Less>("less"),
      native_signed<LessEqual>("less_equal"),
      native_logic<And>("and"),
      native_logic<Or>("or"),
      {"neg", unary_row<float, Negate>, unary_row<double, Negate>, unary_row<int64_t, Negate>,
       unary_row<int64_t, Negate>},
      native_float<Absolute>("abs"),
      native_float<SquareRoot>("sqrt"),
      {"not", nullptr, nullptr, unary_row<int64_t, Not>, unary_row<int64_t, Not>},
      {"rescale", nullptr, nullptr, rescale_row, rescale_row},
      {"rescale_up", nullptr, nullptr, rescale_up_row, rescale_up_row},
      {"rescale_once", nullptr, nullptr, rescale_once_row, rescale_once_row},
      {"rescale_wide", nullptr, nullptr, rescale_wide_row, rescale_wide_row},
      {"select", select_row<float>, select_row<double>, select_row<int64_t>, select_row<int64_t>},
  };
  return functions;
}

template <typename T, typename Result>
void real_table_row(const ScalarFunction& function, int count, void* result,
                    const void* const* args) {
  check(function.real != nullptr, "scalar function ", function.name, " is not defined on reals");
  auto* out = static_cast<Result*>(result);
  double operands[3] = {0, 0, 0};
  for (int i = 0; i < count; ++i) {
    for (int arg = 0; arg < function.arity; ++arg) {
      operands[arg] = static_cast<double>(static_cast<const T*>(args[arg])[i]);
    }
    out[i] = static_cast<Result>(function.real(operands));
  }
}

void integer_table_row(const ScalarFunction& function, bool is_unsigned, int count, void* result,
                       const void* const* args) {
  const auto meaning = is_unsigned && function.unsigned_integer != nullptr
                           ? function.unsigned_integer
                           : function.integer;
  check(meaning != nullptr, "scalar function ", function.name, " is not defined on integers");
  auto* out = static_cast<int64_t*>(result);
  int64_t operands[3] = {0, 0, 0};
  for (int i = 0; i < count; ++i) {
    for (int arg = 0; arg < function.arity; ++arg) {
      operands[arg] = static_cast<const int64_t*>(args[arg])[i];
    }
    out[i] = meaning(operands);
  }
}

// --- storage ----------------------------------------------------------------------------------

// How elements of a dtype lie in memory (Stored), what they are in a row (Value), and the way from
// one to the other.
template <typename StoredType, typename ValueType>
struct PlainElement {
  using Stored = StoredType;
  using Value = ValueType;
  static Value load(Stored stored) { return static_cast<Value>(stored); }
  static Stored store(Value value) { return static_cast<Stored>(value); }
};
struct BooleanElement {
  using Stored = uint8_t;
  using Value = int64_t;
  static Value load(Stored stored) { return stored != 0; }
  static Stored store(Value value) { return value != 0; }
};
struct HalfElement {
  using Stored = uint16_t;
  using Value = float;
  static Value load(Stored stored) { return half_to_float(stored); }
  static Stored store(Value value) { return float_to_half(value); }
};
struct BfloatElement {
  using Stored = uint16_t;
  using Value = float;
  static Value load(Stored stored) { return bfloat_to_float(stored); }
  static Stored store(Value value) { return float_to_bfloat(value); }
};

template <typename Use>
void with_element(DType dtype, const Use& use) {
  switch (dtype) {
    case DType::boolean:
      return use(BooleanElement{});
    case DType::i8:
      return use(PlainElement<int8_t, int64_t>{});
    case DType::i16:
      return use(PlainElement<int16_t, int64_t>{});
    case DType::i32:
      return use(PlainElement<int32_t, int64_t>{});
    case DType::i64:
      return use(PlainElement<int64_t, int64_t>{});
    case DType::u8:
      return use(PlainElement<uint8_t, int64_t>{});
    case DType::u16:
      return use(PlainElement<uint16_t, int64_t>{});
    case DType::u32:
      return use(PlainElement<uint32_t, int64_t>{});
    case DType::u64:
      return use(PlainElement<uint64_t, int64_t>{});
    case DType::f16:
      return use(HalfElement{});
    case DType::bf16:
      return use(BfloatElement{});
    case DType::f32:
      return use(PlainElement<float, float>{});
    case DType::f64:
      return use(PlainElement<double, double>{});
    case DType::none:
      break;
  }
  throw InternalError("values without a dtype cannot be computed");
}

template <typename Use>
void with_combine(Combine combine, bool is_unsigned, const Use& use) {
  switch (combine) {
    case Combine::sum:
      return use(Add{});
    case Combine::product:
      return use(Multiply{});
    case Combine::min:
      return is_unsigned ? use(UnsignedMinimum{}) : use(Minimum{});
    case Combine::max:
      return is_unsigned ? use(UnsignedMaximum{}) : use(Maximum{});
  }
}

// Reals outside int64 have no integer; clamping keeps the conversion defined, as in tensor.cpp.
int64_t real_to_integer(double value) {
  if (value > -9.2e18 && value < 9.2e18) return static_cast<int64_t>(value);
  if (std::isnan(value)) return 0;
  return value > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

template <typename From>
void real_to_integer_row(DType to, int count, void* result, const void* row) {
  const auto* in = static_cast<const From*>(row);
  auto* out = static_cast<int64_t*>(result);
  for (int i = 0; i < count; ++i) {
    out[i] = to == DType::boolean ? in[i] != 0 : real_to_integer(static_cast<double>(in[i]));
  }
  wrap_row(to, count, result);
}

template <typename To>
void integer_to_real_row(DType from, DType to, int count, void* result, const void* row) {
  const auto* in = static_cast<const int64_t*>(row);
  auto* out = static_cast<To*>(result);
  for (int i = 0; i < count; ++i) {
    out[i] = from == DType::u64 ? static_cast<To>(bits(in[i])) : static_cast<To>(in[i]);
  }
  wrap_row(to, count, result);
}

template <typename From, typename To>
void real_to_real_row(DType to, int count, void* result, const void* row) {
  const auto* in = static_cast<const From*>(row);
  auto* out = static_cast<To*>(result);
  for (int i = 0; i < count; ++i) out[i] = static_cast<To>(in[i]);
  wrap_row(to, count, result);
}

}  // namespace

RowClass row_class(DType dtype) {
  check(dtype != DType::none, "values without a dtype cannot be computed");
  if (dtype == DType::f64) return RowClass::f64;
  return is_float(dtype) ? RowClass::f32 : RowClass::i64;
}

int row_element_bytes(RowClass row_class) {
  return row_class == RowClass::f32 ? 4 : 8;
}

RowFunction native_row_function(const ScalarFunction& function, DType dtype) {
  for (const NativeFunction& native : native_functions()) {
    if (native.name != function.name) continue;
    if (dtype == DType::u64) return native.u64;
    const RowClass kind = row_class(dtype);
    return kind == RowClass::f32 ? native.f32 : kind == RowClass::f64 ? native.f64 : native.i64;
  }
  return nullptr;
}

void apply_table_row(const ScalarFunction& function, DType dtype, int count, void* result,
                     const void* const* args) {
  const bool to_boolean = function.result == ResultRule::boolean;
  const bool is_unsigned = info(dtype).kind == DTypeKind::unsigned_integer;
  switch (row_class(dtype)) {
    case RowClass::f32:
      return to_boolean ? real_table_row<float, int64_t>(function, count, result, args)
                        : real_table_row<float, float>(function, count, result, args);
    case RowClass::f64:
      return to_boolean ? real_table_row<double, int64_t>(function, count, result, args)
                        : real_table_row<double, double>(function, count, result, args);
    case RowClass::i64:
      return integer_table_row(function, is_unsigned, count, result, args);
  }
}

bool needs_wrapping(DType dtype) {
  return dtype != DType::f32 && dtype != DType::f64 && dtype != DType::i64 && dtype != DType::u64;
}

void wrap_row(DType dtype, int count, void* row) {
  if (!needs_wrapping(dtype)) return;
  with_element(dtype, [&](auto element) {
    using Element = decltype(element);
    auto* values = static_cast<typename Element::Value*>(row);
    for (int i = 0; i < count; ++i) values[i] = Element::load(Element::store(values[i]));
  });
}

bool converts_for_free(DType from, DType to) {
  if (from == to || (is_float(from) && to == DType::f32 && from != DType::f64)) return true;
  if (is_float(from) || is_float(to) || to == DType::boolean) return false;
  if (from == DType::boolean || to == DType::i64 || to == DType::u64) return true;
  const bool same_sign = info(from).kind == info(to).kind;
  const bool gains_sign = info(to).kind == DTypeKind::signed_integer;
  return same_sign ? bytes_of(to) >= bytes_of(from) : gains_sign && bytes_of(to) > bytes_of(from);
}

void convert_row(DType from, DType to, int count, void* result, const void* row) {
  const RowClass source = row_class(from);
  const RowClass target = row_class(to);
  if (source == target) {
    std::memcpy(result, row, static_cast<size_t>(count) * row_element_bytes(source));
    return wrap_row(to, count, result);
  }
  if (source == RowClass::i64) {
    return target == RowClass::f32 ? integer_to_real_row<float>(from, to, count, result, row)
                                   : integer_to_real_row<double>(from, to, count, result, row);
  }
  if (target == RowClass::i64) {
    return source == RowClass::f32 ? real_to_integer_row<float>(to, count, result, row)
                                   : real_to_integer_row<double>(to, count, result, row);
  }
  return source == RowClass::f32 ? real_to_real_row<float, double>(to, count, result, row)
                                 : real_to_real_row<double, float>(to, count, result, row);
}

void load_row(DType dtype, const std::byte* data, int64_t place, int64_t step, int count,
              void* row) {
  with_element(dtype, [&](auto element) {
    using Element = decltype(element);
    const auto* stored = reinterpret_cast<const typename Element::Stored*>(data) + place;
    auto* values = static_cast<typename Element::Value*>(row);
    if (step == 1) {
      for (int i = 0; i < count; ++i) values[i] = Element::load(stored[i]);
    } else if (step == 0) {
      const auto value = Element::load(*stored);
      for (int i = 0; i < count; ++i) values[i] = value;
    } else {
      for (int i = 0; i < count; ++i) values[i] = Element::load(stored[i * step]);
    }
  });
}

void gather_row(DType dtype, const std::byte* data, const int64_t* places, int count, void* row) {
  with_element(dtype, [&](auto element) {
    using Element = decltype(element);
    const auto* stored = reinterpret_cast<const typename Element::Stored*>(data);
    auto* values = static_cast<typename Element::Value*>(row);
    for (int i = 0; i < count; ++i) {
      if (places[i] >= 0) values[i] = Element::load(stored[places[i]]);
    }
  });
}

void store_row(DType dtype, std::byte* data, int64_t place, int64_t step, int count,
               const void* row) {
  with_element(dtype, [&](auto element) {
    using Element = decltype(element);
    auto* stored = reinterpret_cast<typename Element::Stored*>(data) + place;
    const auto* values = static_cast<const typename Element::Value*>(row);
    if (step == 1) {
      for (int i = 0; i < count; ++i) stored[i] = Element::store(values[i]);
    } else {
      for (int i = 0; i < count; ++i) stored[i * step] = Element::store(values[i]);
    }
  });
}

void accumulate_row(Combine combine, DType dtype, std::byte* data, int64_t place, int64_t step,
                    int count, const void* row) {
  with_element(dtype, [&](auto element) {
    using Element = decltype(element);
    using Value = typename Element::Value;
    auto* stored = reinterpret_cast<typename Element::Stored*>(data) + place;
    const auto* values = static_cast<const Value*>(row);
    with_combine(combine, dtype == DType::u64, [&](auto operation) {
      using Operation = decltype(operation);
      if constexpr (requires { Operation::of(Value{}, Value{}); }) {
        if (step == 0) {  // a running sum stays in a register
          auto sum = *stored;
          for (int i = 0; i < count; ++i) {
            sum = Element::store(Operation::of(Element::load(sum), values[i]));
          }
          *stored = sum;
          return;
        }
        for (int i = 0; i < count; ++i) {
          auto& target = stored[i * step];
          target = Element::store(Operation::of(Element::load(target), values[i]));
        }
      }
    });
  });
}

const ScalarFunction& combining_function(Combine combine) {
  return *combined(combine, local_expr("a", DType::f32), local_expr("b", DType::f32))->function;
}

}  // namespace mlfc

// From the bytes of a .tflite file to plain structs. The file is not trusted: flatbuffers' verifier
// goes first, with limits, and what it cannot know - whether indices exist, whether a buffer holds
// what a shape promises, whether a small file makes us copy gigabytes - is checked here.
#include <algorithm>
#include <cstring>

#include "frontend/tflite/model.h"
#include "frontend/tflite/options.h"
#include "ir/error.h"
#include "ir/ops/convert.h"
#include "schema_generated.h"

namespace mlfc {
namespace {

namespace file = tflite_file;

constexpr int max_depth = 16;  // the format nests six deep
constexpr int max_tables = 1'000'000;
constexpr size_t max_file = (size_t{1} << 31) - 1;
/// Names and lists may be shared between tables, so a file can describe far more than it holds.
constexpr int64_t max_copied = int64_t{1} << 26;

class Reader {
 public:
  explicit Reader(TfliteModel& model) : result_(model) {}

  void read() {
    verify();
    model_ = file::GetModel(result_.bytes.data());
    if (model_->version() != 3) {
      fail(result_.file, "is of version ", model_->version(),
           " of the format, but only 3 exists (is the file damaged?)");
    }
    if (model_->subgraphs() == nullptr || model_->subgraphs()->size() == 0) {
      fail(result_.file, "holds no graph");
    }
    for (const file::SubGraph* graph : *model_->subgraphs()) add_subgraph(*graph);
  }

 private:
  void verify() const {
    const std::string& bytes = result_.bytes;
    if (bytes.size() >= max_file) fail(result_.file, "is larger than 2 GiB");
    const bool is_marked = bytes.size() >= 8 && bytes.compare(4, 4, "TFL3") == 0;
    if (!is_marked) {
      fail(result_.file, "is not a TensorFlow Lite model: it lacks the mark 'TFL3'",
           bytes.empty() ? " (it is empty)" : "");
    }
    flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
                                   max_depth, max_tables);
    if (!file::VerifyModelBuffer(verifier)) {
      fail(result_.file, "is damaged: an offset in it leads outside the file, or it is cut short");
    }
  }

  // --- copying ----------------------------------------------------------------------------------

  void count(size_t copied) {
    copied_ += static_cast<int64_t>(copied);
    if (copied_ > max_copied) {
      fail(result_.file, "describes itself with more than ", max_copied,
           " names and numbers; no sensible model does");
    }
  }

  std::string text(const flatbuffers::String* string) {
    if (string == nullptr) return "";
    count(string->size());
    std::string copy = string->str();
    // What ends a C string or a line cannot be part of a name.
    for (char& c : copy) {
      if (static_cast<unsigned char>(c) < ' ') c = '_';
    }
    return copy;
  }

  template <typename Out, typename In>
  std::vector<Out> list(const flatbuffers::Vector<In>* vector) {
    if (vector == nullptr) return {};
    count(vector->size());
    std::vector<Out> copy;
    // The verifier lets lists of 8-byte numbers begin at any multiple of four.
    for (size_t i = 0; i < vector->size(); ++i) {
      In element = {};
      std::memcpy(&element, vector->Data() + i * sizeof(In), sizeof(In));
      copy.push_back(static_cast<Out>(flatbuffers::EndianScalar(element)));
    }
    return copy;
  }

  // --- tensors ----------------------------------------------------------------------------------

  void add_subgraph(const file::SubGraph& source) {
    TfliteSubgraph graph;
    graph.name = text(source.name());
    const std::string where = place(static_cast<int>(result_.subgraphs.size()));
    if (source.tensors() != nullptr) {
      for (const file::Tensor* tensor : *source.tensors()) {
        graph.tensors.push_back(tensor_of(*tensor, static_cast<int>(graph.tensors.size()), where));
      }
    }
    graph.inputs = indices(source.inputs(), graph, Absent::refused, graph_place(where), "inputs");
    graph.outputs =
        indices(source.outputs(), graph, Absent::refused, graph_place(where), "outputs");
    if (source.operators() != nullptr) {
      for (const file::Operator* op : *source.operators()) add_operator(*op, graph, where);
    }
    result_.subgraphs.push_back(std::move(graph));
  }

  /// "model.tflite: " or, in the body of control flow, "model.tflite: subgraph 2: ".
  std::string place(int subgraph) const {
    const std::string part = subgraph == 0 ? "" : fmt::format("subgraph {}: ", subgraph);
    return result_.file + ": " + part;
  }

  TfliteTensor tensor_of(const file::Tensor& source, int index, const std::string& graph) {
    TfliteTensor tensor;
    tensor.name = text(source.name());
    // As TVM's importer calls them.
    if (tensor.name.empty()) tensor.name = "tvmgen_tensor_" + std::to_string(index);
    const std::string where = graph + "tensor '" + tensor.name + "'";
    const char* type_name = file::EnumNameTensorType(source.type());
    tensor.type_name = *type_name != '\0'
                           ? type_name
                           : "number " + std::to_string(static_cast<int>(source.type()));
    tensor.dtype = dtype_of_tflite(tensor.type_name);
    tensor.is_variable = source.is_variable();
    read_shape(source, tensor, where);
    read_quantization(source, tensor, where);
    read_data(source, tensor, where);
    return tensor;
  }

  void read_shape(const file::Tensor& source, TfliteTensor& tensor, const std::string& where) {
    tensor.shape = list<int64_t>(source.shape());
    const std::vector<int64_t> signature = list<int64_t>(source.shape_signature());
    if (tensor.shape.size() > 16) fail(where, "has ", tensor.shape.size(), " dimensions");
    for (size_t i = 0; i < tensor.shape.size(); ++i) {
      const bool is_open = signature.size() == tensor.shape.size() && signature[i] < 0;
      tensor.is_open.push_back(is_open || tensor.shape[i] < 0);
      if (tensor.shape[i] < -1) fail(where, "has the impossible shape ", tensor.shape);
    }
    if (std::ranges::count(tensor.shape, -1) == 0) element_count_in(tensor.shape, where);
  }

  static int64_t element_count_in(const Shape& shape, const std::string& where) {
    try {
      return element_count(shape);
    } catch (const UserError& error) {
      fail(where, error.what());
    }
  }

  void read_quantization(const file::Tensor& source, TfliteTensor& tensor,
                         const std::string& where) {
    const file::Quantization* stated = source.quantization();
    if (stated == nullptr) return;
    if (stated->details_type() != file::QuantizationDetails::NONE) {
      fail(where, "is quantised in another way than by scales and zero points (",
           file::EnumNameQuantizationDetails(stated->details_type()), ")");
    }
    TfliteQuantization& result = tensor.quantization;
    result.scales = list<float>(stated->scale());
    result.zero_points = list<int64_t>(stated->zero_point());
    result.axis = stated->quantized_dimension();
    if (result.scales.empty()) {
      result = {};
      return;
    }
    if (result.zero_points.empty()) result.zero_points.assign(result.scales.size(), 0);
    check_quantization(tensor, where);
  }

  static void check_quantization(TfliteTensor& tensor, const std::string& where) {
    TfliteQuantization& stated = tensor.quantization;
    // Files in the wild say "not quantised" by a scale of 0, mostly on reals.
    const bool is_unset =
        (stated.scales.size() == 1 && stated.scales.front() == 0) || !is_integer(tensor.dtype);
    if (is_unset || is_float(tensor.dtype)) {
      stated = {};
      return;
    }
    if (stated.zero_points.size() == 1) {
      stated.zero_points.assign(stated.scales.size(), stated.zero_points.front());
    }
    if (stated.zero_points.size() != stated.scales.size()) {
      fail(where, "has ", stated.scales.size(), " scales but ", stated.zero_points.size(),
           " zero points");
    }
    for (const float scale : stated.scales) {
      const bool is_sane = scale > 0 && scale <= std::numeric_limits<float>::max();
      if (!is_sane) fail(where, "has the scale ", scale, "; scales are positive numbers");
    }
    for (const int64_t zero_point : stated.zero_points) {
      const auto real = static_cast<double>(zero_point);
      if (real >= lowest_of(tensor.dtype) && real <= highest_of(tensor.dtype)) continue;
      fail(where, "has the zero point ", zero_point, ", which is no ", tensor.type_name);
    }
    if (stated.scales.size() == 1) return;
    const bool has_axis = stated.axis >= 0 && stated.axis < static_cast<int>(tensor.shape.size());
    if (!has_axis || tensor.shape[static_cast<size_t>(stated.axis)] !=
                         static_cast<int64_t>(stated.scales.size())) {
      fail(where, "has ", stated.scales.size(), " scales along dimension ", stated.axis,
           " but the shape ", tensor.shape);
    }
  }

  void read_data(const file::Tensor& source, TfliteTensor& tensor, const std::string& where) {
    if (source.external_buffer() != 0) fail(where, "lies in another file, which is not supported");
    const auto count = model_->buffers() == nullptr ? 0 : model_->buffers()->size();
    if (source.buffer() >= count) {
      if (source.buffer() == 0) return;
      fail(where, "refers to buffer ", source.buffer(), " of ", count);
    }
    const file::Buffer& buffer = *model_->buffers()->Get(source.buffer());
    if (buffer.data() != nullptr && buffer.data()->size() > 0) {
      tensor.data = {reinterpret_cast<const std::byte*>(buffer.data()->data()),
                     buffer.data()->size()};
    } else if (buffer.offset() > 1) {  // 1 stands for "to be filled in"
      if (buffer.offset() > result_.bytes.size() ||
          buffer.size() > result_.bytes.size() - buffer.offset()) {
        fail(where, "its data lies behind the end of the file");
      }
      const auto* start = reinterpret_cast<const std::byte*>(result_.bytes.data());
      tensor.data = {start + buffer.offset(), buffer.size()};
    }
    tensor.is_constant = !tensor.data.empty() && !tensor.is_variable;
    if (tensor.is_constant) check_constant(source, tensor, where);
  }

  static void check_constant(const file::Tensor& source, const TfliteTensor& tensor,
                             const std::string& where) {
    if (source.sparsity() != nullptr) {
      fail(where, "is stored sparsely, which is not supported; densify the model");
    }
    if (tensor.dtype == DType::none) return;  // whoever reads it, refuses it
    if (std::ranges::count(tensor.shape, -1) > 0) {
      fail(where, "has data but the open shape ", tensor.shape);
    }
    const int64_t elements = element_count_in(tensor.shape, where);
    const int64_t bytes =
        tensor.type_name == "INT4" ? (elements + 1) / 2 : elements * bytes_of(tensor.dtype);
    if (bytes != static_cast<int64_t>(tensor.data.size())) {
      fail(where, "is ", tensor.type_name, to_text(tensor.shape), ", which takes ", bytes,
           " bytes, but its buffer has ", tensor.data.size());
    }
  }

  // --- operators --------------------------------------------------------------------------------

  enum class Absent : uint8_t { refused, allowed };

  std::vector<int> indices(const flatbuffers::Vector<int32_t>* vector, const TfliteSubgraph& graph,
                           Absent absent, const std::string& where, const char* what) {
    std::vector<int> result = list<int>(vector);
    const int lowest = absent == Absent::allowed ? -1 : 0;
    for (const int index : result) {
      if (index < lowest || index >= static_cast<int>(graph.tensors.size())) {
        fail(where, "its ", what, " name tensor ", index, " of ", graph.tensors.size());
      }
    }
    return result;
  }

  /// The place of a subgraph by itself, without the colon that leads on.
  static std::string graph_place(const std::string& place) {
    return place.substr(0, place.size() - 2);
  }

  void add_operator(const file::Operator& source, TfliteSubgraph& graph, const std::string& place) {
    TfliteOperator op;
    const std::string where = fmt::format("{}operator {}", place, graph.operators.size());
    read_code(source, op, where);
    op.inputs = indices(source.inputs(), graph, Absent::allowed, where, "inputs");
    op.outputs = indices(source.outputs(), graph, Absent::refused, where, "outputs");
    op.intermediates =
        indices(source.intermediates(), graph, Absent::allowed, where, "intermediates");
    op.options = tflite_options(source);
    for (const auto& [name, value] : op.options) count(name.size());
    if (source.custom_options() != nullptr) {
      op.custom_options = {reinterpret_cast<const std::byte*>(source.custom_options()->data()),
                           source.custom_options()->size()};
    }
    graph.operators.push_back(std::move(op));
  }

  void read_code(const file::Operator& source, TfliteOperator& op, const std::string& where) {
    const auto count = model_->operator_codes() == nullptr ? 0 : model_->operator_codes()->size();
    if (source.opcode_index() >= count) {
      fail(where, "refers to operator code ", source.opcode_index(), " of ", count);
    }
    const file::OperatorCode& code = *model_->operator_codes()->Get(source.opcode_index());
    // Old files only have the small field; in new ones it is at most as large as the other.
    const int number =
        std::max<int>(code.deprecated_builtin_code(), static_cast<int>(code.builtin_code()));
    const auto builtin = static_cast<file::BuiltinOperator>(number);
    op.version = code.version();
    op.is_custom = builtin == file::BuiltinOperator::CUSTOM;
    op.name = op.is_custom ? text(code.custom_code()) : file::EnumNameBuiltinOperator(builtin);
    if (op.name.empty()) {
      op.name =
          op.is_custom ? "a custom operator without a name" : fmt::format("builtin {}", number);
    }
  }

  TfliteModel& result_;
  const file::Model* model_ = nullptr;
  int64_t copied_ = 0;
};

/// Rules ask of tensors that the format says are quantised; whether a file obeys is another matter.
void check_single(const TfliteQuantization& quantization) {
  if (quantization.scales.size() == 1) return;
  fail("", "one of its tensors has ", quantization.scales.size(), " scales where one is needed");
}

}  // namespace

float TfliteQuantization::scale() const {
  check_single(*this);
  return scales.front();
}

int64_t TfliteQuantization::zero_point() const {
  check_single(*this);
  return zero_points.front();
}

DType dtype_of_tflite(const std::string& type_name) {
  static const std::map<std::string, DType> types = {
      {"FLOAT32", DType::f32},   {"FLOAT16", DType::f16}, {"FLOAT64", DType::f64},
      {"BFLOAT16", DType::bf16}, {"INT4", DType::i8},     {"INT8", DType::i8},
      {"INT16", DType::i16},     {"INT32", DType::i32},   {"INT64", DType::i64},
      {"UINT8", DType::u8},      {"UINT16", DType::u16},  {"UINT32", DType::u32},
      {"UINT64", DType::u64},    {"BOOL", DType::boolean}};
  const auto found = types.find(type_name);
  return found == types.end() ? DType::none : found->second;
}

TfliteModel read_tflite(std::string bytes, const std::string& file) {
  TfliteModel model;
  model.file = file;
  model.bytes = std::move(bytes);
  Reader(model).read();
  return model;
}

}  // namespace mlfc

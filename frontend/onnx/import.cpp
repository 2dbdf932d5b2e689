// Opens a model, checks its envelope and converts its main graph.
#include "frontend/onnx/import.h"

#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/stubs/logging.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "frontend/onnx/model.h"
#include "frontend/onnx/tensor_data.h"

namespace mlfc {
namespace {

namespace io = google::protobuf::io;

struct Signature {
  size_t offset = 0;
  std::string_view bytes = {};
  std::string_view what = {};
};

/// Files that people hand to an ONNX compiler by mistake.
constexpr Signature signatures[] = {
    {4, "TFL3", "a TensorFlow Lite model"},
    {0, "PK\x03\x04", "a zip archive (a PyTorch checkpoint?)"},
    {0, "\x89HDF", "an HDF5 file (a Keras model?)"},
    {0, "version https://git-lfs", "a Git LFS pointer; fetch the real file with 'git lfs pull'"},
    {0, "<!DOCTYPE", "a web page"},
    {0, "<html", "a web page"},
    {0, "\x1f\x8b", "gzip-compressed; unpack it first"},
    {257, "ustar", "a tar archive"},
};

std::string guess(std::string_view head) {
  for (const Signature& signature : signatures) {
    if (head.size() >= signature.offset + signature.bytes.size() &&
        head.substr(signature.offset, signature.bytes.size()) == signature.bytes) {
      return fmt::format(": it is {}", signature.what);
    }
  }
  return head.empty() ? ": it is empty" : ": it is damaged, cut short, or of another format";
}

/// Protobuf's own guard of the stack is set so deep (a sub-graph is three messages) that sensible
/// files meet our limit, which has a better message.
void parse(io::ZeroCopyInputStream& stream, std::string_view head, const std::string& name,
           google::protobuf::MessageLite& message, const char* what) {
  google::protobuf::SetLogHandler(nullptr);
  io::CodedInputStream coded(&stream);
  coded.SetRecursionLimit(12 * max_depth);
  const bool parsed = message.ParseFromCodedStream(&coded) && coded.ConsumedEntireMessage();
  if (!parsed) fail(name, "is not ", what, guess(head));
}

void check_envelope(const onnx::ModelProto& proto, std::string_view head, const std::string& name) {
  if (!proto.has_graph() || (!proto.has_ir_version() && proto.opset_import_size() == 0)) {
    fail(name, "is not an ONNX model", guess(head));
  }
}

void read_opsets(Model& model) {
  model.opsets = opsets_of(model.proto.opset_import());
  if (model.opsets.empty()) model.opsets[""] = 1;  // IR versions 1 and 2 had nothing else
  const auto own = model.opsets.find("");
  if (own != model.opsets.end() && own->second < oldest_opset) {
    fail(model.file, "its opset ", own->second, " is too old; ", oldest_opset,
         " or newer is needed (export again, or convert it with onnx.version_converter)");
  }
}

void read_functions(Model& model) {
  for (const onnx::FunctionProto& function : model.proto.functions()) {
    if (!model.functions.emplace(function_key(function), &function).second) {
      fail(model.file, "the function '", function.name(), "' is defined twice");
    }
  }
}

std::unique_ptr<Graph> convert(const onnx::ModelProto& proto, const std::string& name,
                               const ImportOptions& options) {
  std::set<const Value*> four_bit;
  Model model{.proto = proto, .options = options, .file = name, .four_bit = four_bit};
  read_opsets(model);
  read_functions(model);
  check_support(model);
  check_node_count(model);

  auto graph = std::make_unique<Graph>();
  Scope scope;
  scope.graph = graph.get();
  scope.opsets = &model.opsets;
  std::map<std::string, Tensor> initialisers = initialisers_of(proto.graph(), model);
  add_inputs(model, initialisers, scope);
  define_initialisers(std::move(initialisers), proto.graph(), model, scope, name);
  convert_nodes(proto.graph().node(), model, scope);

  std::map<std::string, int> seen;
  for (const onnx::ValueInfoProto& info : proto.graph().output()) {
    Value* value = scope.find(info.name());
    if (value == nullptr) {
      fail(name, "nothing computes the graph's output '", info.name(), "'");
    }
    if (seen[info.name()]++ > 0) fail(name, "the output '", info.name(), "' is listed twice");
    graph->outputs.push_back(value);
  }
  if (graph->outputs.empty()) fail(name, "the model has no output");
  return graph;
}

class File {
 public:
  explicit File(const std::string& path) : number_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status = {};
    if (number_ < 0 || fstat(number_, &status) != 0)
      fail(path, "cannot be opened: ", strerror(errno));
    if (!S_ISREG(status.st_mode)) fail(path, "is not a file");
    if (status.st_size >= (int64_t{1} << 31)) {
      fail(path, "is larger than 2 GiB, the limit of the format; store weights as external data");
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }
  std::string head() const {
    std::string bytes(512, '\0');
    const ssize_t count = pread(number_, bytes.data(), bytes.size(), 0);
    bytes.resize(count < 0 ? 0 : static_cast<size_t>(count));
    return bytes;
  }

 private:
  int number_;
};

void read_model(const std::string& path, onnx::ModelProto& proto) {
  const File file(path);
  io::FileInputStream stream(file.number());
  parse(stream, file.head(), path, proto, "an ONNX model");
  check_envelope(proto, file.head(), path);
}

}  // namespace

std::string plain_domain(const std::string& domain) {
  return domain == "ai.onnx" ? "" : domain;
}

Opsets opsets_of(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports) {
  Opsets opsets;
  for (const auto& entry : imports) opsets[plain_domain(entry.domain())] = entry.version();
  return opsets;
}

int64_t opset_of(const Opsets& opsets, const std::string& domain) {
  const auto found = opsets.find(domain);
  return found == opsets.end() ? 1 : found->second;
}

std::string label_of(const onnx::NodeProto& node) {
  if (!node.name().empty()) return "'" + node.name() + "' (" + node.op_type() + ")";
  for (const std::string& output : node.output()) {
    if (!output.empty()) return node.op_type() + " that computes '" + output + "'";
  }
  return "an unnamed " + node.op_type();
}

std::string place_of(const Model& model, const onnx::NodeProto& node) {
  return model.file + ": node " + label_of(node);
}

std::unique_ptr<Graph> import_onnx(const std::string& path, const ImportOptions& options) {
  onnx::ModelProto proto;
  read_model(path, proto);
  ImportOptions with_folder = options;
  if (with_folder.folder.empty()) {
    with_folder.folder = std::filesystem::path(path).parent_path().string();
    if (with_folder.folder.empty()) with_folder.folder = ".";
  }
  return convert(proto, path, with_folder);
}

std::unique_ptr<Graph> import_onnx_bytes(std::string_view bytes, const std::string& name,
                                         const ImportOptions& options) {
  onnx::ModelProto proto;
  if (bytes.size() >= (size_t{1} << 31)) fail(name, "is larger than 2 GiB");
  io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  parse(stream, bytes.substr(0, 512), name, proto, "an ONNX model");
  check_envelope(proto, bytes.substr(0, 512), name);
  return convert(proto, name, options);
}

std::vector<std::string> onnx_input_names(const std::string& path) {
  onnx::ModelProto proto;
  read_model(path, proto);
  std::set<std::string> initialised;
  for (const auto& dense : proto.graph().initializer()) initialised.insert(dense.name());
  for (const auto& sparse : proto.graph().sparse_initializer()) {
    initialised.insert(sparse.values().name());
  }
  std::vector<std::string> names;
  for (const auto& input : proto.graph().input()) {
    if (!initialised.contains(input.name())) names.push_back(input.name());
  }
  return names;
}

NamedTensor read_onnx_tensor(std::string_view bytes, const std::string& where) {
  onnx::TensorProto proto;
  if (bytes.size() >= (size_t{1} << 31)) fail(where, "is larger than 2 GiB");
  io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  parse(stream, bytes.substr(0, 512), where, proto, "an ONNX tensor");
  return {proto.name(), to_tensor(proto, "", where)};
}

}  // namespace mlfc

// Throws damaged ONNX models at the importer and the whole compiler: fields of the protobuf
// changed, dropped, repeated or swapped, and bytes of the file. A model compiles or is refused with
// a user error; it may not crash, hang, or be called a bug of the compiler.
//
//   model_fuzz [--seed N] [--runs N] FILE.onnx...
// A run that goes wrong leaves its model as model_fuzz.onnx in the current folder.
#include <google/protobuf/message.h>
#include <onnx/onnx_pb.h>

#include <fstream>
#include <iterator>
#include <new>
#include <random>

#include "codegen/mlf/package.h"
#include "codegen/target.h"
#include "frontend/onnx/import.h"
#include "ir/error.h"
#include "passes/pipeline.h"
#include "tests/fuzz/limits.h"

namespace mlfc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int64_t numbers[] = {
    0, 1, 2, 3, 5, 8, -1, -2, 16, 22, 100, -100, 65537, int64_t{1} << 40, INT64_MAX, INT64_MIN};

/// One present field of a message, somewhere in the model.
struct Place {
  Message* message = nullptr;
  const FieldDescriptor* field = nullptr;
};

void collect(Message& message, std::vector<Place>& places) {
  std::vector<const FieldDescriptor*> fields;
  const Reflection& reflection = *message.GetReflection();
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    places.push_back({&message, field});
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      collect(field->is_repeated() ? *reflection.MutableRepeatedMessage(&message, field, i)
                                   : *reflection.MutableMessage(&message, field),
              places);
    }
  }
}

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  std::string damaged(const std::string& bytes) {
    onnx::ModelProto model;
    if (below(5) == 0 || !model.ParseFromString(bytes)) return damaged_bytes(bytes);
    for (size_t damage = 1 + below(3); damage > 0; --damage) hurt(model);
    return model.SerializeAsString();
  }

  size_t below(size_t end) { return end == 0 ? 0 : random_() % end; }

 private:
  std::string damaged_bytes(std::string bytes) {
    for (size_t damage = 1 + below(8); damage > 0 && !bytes.empty(); --damage) {
      const size_t at = below(bytes.size());
      if (below(8) == 0) {
        bytes.erase(at, 1 + below(16));
      } else {
        bytes[at] = static_cast<char>(random_());
      }
    }
    return bytes;
  }

  void hurt(onnx::ModelProto& model) {
    std::vector<Place> places;
    collect(model, places);
    if (places.empty()) return;
    const Place place = places[below(places.size())];
    const Reflection& reflection = *place.message->GetReflection();
    if (place.field->is_repeated()) return hurt_list(*place.message, *place.field, reflection);
    if (below(6) == 0) return reflection.ClearField(place.message, place.field);
    hurt_single(*place.message, *place.field, reflection, places);
  }

  void hurt_list(Message& message, const FieldDescriptor& field, const Reflection& reflection) {
    const int count = reflection.FieldSize(message, &field);
    const int at = static_cast<int>(below(static_cast<size_t>(count)));
    switch (below(4)) {
      case 0:
        return reflection.RemoveLast(&message, &field);
      case 1:
        return reflection.SwapElements(&message, &field, at, count - 1);
      case 2:
        return reflection.ClearField(&message, &field);
      default:
        break;
    }
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
      reflection.SetRepeatedInt64(&message, &field, at, number());
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      const int other = static_cast<int>(below(static_cast<size_t>(count)));
      reflection.SetRepeatedString(&message, &field, at,
                                   reflection.GetRepeatedString(message, &field, other));
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const Message& original = reflection.GetRepeatedMessage(message, &field, at);
      std::unique_ptr<Message> copy(original.New());
      copy->CopyFrom(original);
      reflection.AddMessage(&message, &field)->CopyFrom(*copy);
    }
  }

  void hurt_single(Message& message, const FieldDescriptor& field, const Reflection& reflection,
                   const std::vector<Place>& places) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection.SetInt64(&message, &field, number());
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection.SetInt32(&message, &field, static_cast<int32_t>(number()));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return reflection.SetFloat(&message, &field, static_cast<float>(number()));
      case FieldDescriptor::CPPTYPE_ENUM:
        return reflection.SetEnumValue(&message, &field, static_cast<int>(below(24)));
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection.SetString(&message, &field, other_text(places));
      default:
        return reflection.ClearField(&message, &field);
    }
  }

  int64_t number() { return numbers[below(std::size(numbers))]; }

  /// A text from elsewhere in the model: an operator's name, a tensor's, some raw data.
  std::string other_text(const std::vector<Place>& places) {
    for (int attempt = 0; attempt < 20; ++attempt) {
      const Place& place = places[below(places.size())];
      const bool is_text = place.field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
      if (!is_text || place.field->is_repeated()) continue;
      return place.message->GetReflection()->GetString(*place.message, place.field);
    }
    return "";
  }

  std::mt19937_64 random_;
};

/// True when it compiled.
bool compile(const std::string& bytes) {
  try {
    const std::unique_ptr<Graph> graph = import_onnx_bytes(bytes, "model");
    const Target& target = *find_target("c");
    const Machine machine = target.machine({});
    const Options options;
    PipelineOptions pipeline;
    pipeline.verify_each = bytes.size() < 20000;
    run_pipeline(*graph, {machine, options}, {target.schedule, target.finish}, pipeline);
    build_archive(*graph, target, machine, {});
    return true;
  } catch (const UserError&) {
    return false;
  } catch (const std::bad_alloc&) {
    return false;  // as the command line says it
  }
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int run(const fuzz::Arguments& arguments) {
  constexpr size_t largest_model = 200000;
  std::vector<std::string> models;
  for (const std::string& path : arguments.files) {
    std::string bytes = read_file(path);
    if (!bytes.empty() && bytes.size() < largest_model) models.push_back(std::move(bytes));
  }
  std::cout << "seed " << arguments.seed << ", " << arguments.runs << " runs, " << models.size()
            << " models" << std::endl;
  if (models.empty()) return 77;
  Mutator mutator(arguments.seed);
  int compiled = 0, bad = 0;
  for (int i = 0; i < arguments.runs; ++i) {
    const std::string bytes = mutator.damaged(models[mutator.below(models.size())]);
    if (arguments.only >= 0 && i != arguments.only) continue;
    fuzz::begin_input("run " + std::to_string(i));
    try {
      compiled += compile(bytes) ? 1 : 0;
    } catch (const std::exception& error) {
      std::cout << "run " << i << " of seed " << arguments.seed << ": " << error.what()
                << std::endl;
      std::ofstream("model_fuzz.onnx", std::ios::binary) << bytes;
      if (++bad == 20) break;
    }
  }
  std::cout << compiled << " compiled, " << bad << " bad\n";
  return bad == 0 ? 0 : 1;
}

}  // namespace
}  // namespace mlfc

int main(int count, char** words) {
  google::protobuf::SetLogHandler(nullptr);  // its complaints are not the point
  mlfc::fuzz::limit_process();
  return mlfc::run(mlfc::fuzz::parse_arguments(count, words, std::random_device()()));
}

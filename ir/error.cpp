// How numbers and shapes look in messages.
#include "ir/error.h"

namespace mlfc {

void append_text(std::string& message, std::string_view part) {
  message += part;
}
void append_text(std::string& message, bool part) {
  message += part ? "true" : "false";
}
void append_text(std::string& message, double part) {
  message += fmt::format("{}", part);
}
void append_text(std::string& message, long long part) {
  message += std::to_string(part);
}
void append_text(std::string& message, unsigned long long part) {
  message += std::to_string(part);
}
void append_text(std::string& message, const std::vector<int64_t>& shape) {
  message += fmt::format("[{}]", fmt::join(shape, ","));
}

}  // namespace mlfc

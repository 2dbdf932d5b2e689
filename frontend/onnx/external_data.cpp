// Opens a model's external data without following it anywhere: openat2 lets the kernel enforce that
// the path stays beneath the folder and crosses no symbolic link; where that call is missing, the
// path is walked part by part with O_NOFOLLOW, which enforces the same. A hard link could still
// alias a file from elsewhere, so the file must have exactly one name.
#include "frontend/onnx/external_data.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "ir/error.h"

namespace mlfc {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

std::vector<std::string> parts_of(const std::string& location, const std::string& where) {
  if (location.empty()) fail(where, "external data names no file");
  if (location.find('\0') != std::string::npos || location.find('\\') != std::string::npos) {
    fail(where, "the external data path '", location, "' contains a backslash or a NUL byte");
  }
  if (location.front() == '/') {
    fail(where, "the external data path '", location,
         "' is absolute; it must be relative to the model's folder");
  }
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= location.size();) {
    size_t end = location.find('/', begin);
    if (end == std::string::npos) end = location.size();
    const std::string part = location.substr(begin, end - begin);
    if (part == "..") {
      fail(where, "the external data path '", location, "' leaves the model's folder");
    }
    if (!part.empty() && part != ".") parts.push_back(part);
    begin = end + 1;
  }
  if (parts.empty()) fail(where, "the external data path '", location, "' names no file");
  return parts;
}

/// The walk for kernels without openat2: every step refuses symbolic links.
int open_part_by_part(int folder, const std::vector<std::string>& parts) {
  Descriptor current(dup(folder));
  for (size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (last ? O_NONBLOCK : O_DIRECTORY);
    Descriptor next(openat(current.number(), parts[i].c_str(), flags));
    if (next.number() < 0) return -1;
    current = std::move(next);
  }
  return dup(current.number());
}

int open_beneath(int folder, const std::vector<std::string>& parts) {
  std::string path;
  for (const std::string& part : parts) path += (path.empty() ? "" : "/") + part;
  open_how how = {};
  // O_NONBLOCK: a named pipe must not hang us before we see that it is no regular file.
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long result = syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
  if (result >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(result);
  return open_part_by_part(folder, parts);
}

int64_t checked_size(int file, const std::string& location, const std::string& where) {
  struct stat status = {};
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    fail(where, "external data '", location, "' is not a regular file");
  }
  if (status.st_nlink != 1) {
    fail(where, "external data '", location,
         "' has several names (hard links); copy it beside the model");
  }
  return status.st_size;
}

}  // namespace

std::vector<std::byte> read_external_data(const std::string& folder, const ExternalRange& range,
                                          int64_t bytes, const std::string& where) {
  const std::vector<std::string> parts = parts_of(range.location, where);
  if (folder.empty()) {
    fail(where, "external data '", range.location, "' cannot be read for a model without a folder");
  }
  const Descriptor directory(open(folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  if (directory.number() < 0) fail(where, "cannot open the model's folder '", folder, "'");
  const Descriptor file(open_beneath(directory.number(), parts));
  if (file.number() < 0) {
    const bool blocked = errno == ELOOP || errno == EXDEV;
    fail(where, "cannot open external data '", range.location, "': ",
         blocked ? "it leads through a symbolic link or out of the model's folder"
                 : std::strerror(errno));
  }
  const int64_t size = checked_size(file.number(), range.location, where);
  if (range.length >= 0 && range.length != bytes) {
    fail(where, "external data '", range.location, "' states ", range.length,
         " bytes but type and shape need ", bytes);
  }
  if (range.offset < 0 || range.offset > size || bytes > size - range.offset) {
    fail(where, "external data '", range.location, "' has ", size, " bytes; ", bytes,
         " bytes from offset ", range.offset, " are needed");
  }
  std::vector<std::byte> data(static_cast<size_t>(bytes));
  int64_t done = 0;
  while (done < bytes) {
    const ssize_t count =
        pread(file.number(), data.data() + done, static_cast<size_t>(bytes - done),
              static_cast<off_t>(range.offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(where, "cannot read external data '", range.location, "'");
    done += count;
  }
  return data;
}

}  // namespace mlfc

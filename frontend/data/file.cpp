// Plain POSIX reading and writing with messages that name the path and the reason.
#include "frontend/data/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "ir/error.h"

namespace mlfc {
namespace {

struct Closing {
  int number = -1;
  ~Closing() {
    if (number >= 0) close(number);
  }
};

}  // namespace

std::string read_file(const std::string& path) {
  const Closing file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat status = {};
  if (file.number < 0 || fstat(file.number, &status) != 0) {
    fail(path, "cannot be read: ", std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) fail(path, "is not a file");
  if (status.st_size >= (int64_t{1} << 31)) fail(path, "is larger than 2 GiB");
  std::string bytes(static_cast<size_t>(status.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = read(file.number, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, "cannot be read: ", std::strerror(errno));
    if (count == 0) fail(path, "became shorter while it was read");
    done += static_cast<size_t>(count);
  }
  return bytes;
}

void write_file(const std::string& path, std::string_view bytes) {
  write_through_temporary(path, [&](const std::string& temporary) {
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    const Closing file{open(temporary.c_str(), flags, 0666)};
    if (file.number < 0) fail(path, "cannot be written: ", std::strerror(errno));
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t count = write(file.number, bytes.data() + done, bytes.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail(path, "cannot be written: ", std::strerror(errno));
      done += static_cast<size_t>(count);
    }
  });
}

bool is_plain_file_or_new(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
}

std::string temporary_name(const std::string& path) {
  if (path.empty()) fail("", "the output's file name is empty");
  return path + ".tmp" + std::to_string(getpid());
}

void move_into_place(const std::string& temporary, const std::string& path) {
  if (std::rename(temporary.c_str(), path.c_str()) == 0) return;
  const int reason = errno;
  discard(temporary);
  fail(path, "cannot be written: ", std::strerror(reason));
}

void discard(const std::string& temporary) {
  unlink(temporary.c_str());
}

}  // namespace mlfc

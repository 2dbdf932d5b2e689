// Writes an archive as an uncompressed tar. Owners, modes and times are fixed, so that equal
// archives are equal files on every machine.
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "codegen/mlf/package.h"
#include "ir/error.h"

namespace mlfc {
namespace {

namespace fs = std::filesystem;

struct CloseArchive {
  void operator()(struct archive* writer) const { archive_write_free(writer); }
  void operator()(struct archive_entry* entry) const { archive_entry_free(entry); }
};
using Writer = std::unique_ptr<struct archive, CloseArchive>;
using Entry = std::unique_ptr<struct archive_entry, CloseArchive>;

// Removes the file unless it was renamed to where it belongs.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target) : path_(target) {
    path_ += ".partial-" + std::to_string(getpid());
    descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail(target.string(), "cannot be written: ", std::strerror(errno));
  }
  TemporaryFile(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (descriptor_ >= 0) close(descriptor_);
    if (!is_kept_) unlink(path_.c_str());
  }
  int descriptor() const { return descriptor_; }
  void rename_to(const fs::path& target) {
    const int closed = close(descriptor_);
    descriptor_ = -1;
    if (closed != 0 || std::rename(path_.c_str(), target.c_str()) != 0) {
      fail(target.string(), "cannot be written: ", std::strerror(errno));
    }
    is_kept_ = true;
  }

 private:
  fs::path path_;
  int descriptor_ = -1;
  bool is_kept_ = false;
};

void expect(int result, struct archive* writer, const fs::path& path) {
  if (result == ARCHIVE_OK) return;
  const char* reason = archive_error_string(writer);
  fail(path.string(), "cannot be written: ", reason ? reason : "unknown error");
}

void put_member(struct archive* writer, const ArchiveMember& member, int64_t timestamp,
                const fs::path& path) {
  const Entry entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), member.path.c_str());
  archive_entry_set_filetype(entry.get(), member.is_directory ? AE_IFDIR : AE_IFREG);
  archive_entry_set_perm(entry.get(), member.is_directory ? 0755 : 0644);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(member.bytes.size()));
  archive_entry_set_mtime(entry.get(), static_cast<time_t>(timestamp), 0);
  archive_entry_set_uid(entry.get(), 0);
  archive_entry_set_gid(entry.get(), 0);
  archive_entry_set_uname(entry.get(), "root");
  archive_entry_set_gname(entry.get(), "root");
  expect(archive_write_header(writer, entry.get()), writer, path);
  const la_ssize_t written = archive_write_data(writer, member.bytes.data(), member.bytes.size());
  if (written != static_cast<la_ssize_t>(member.bytes.size())) expect(ARCHIVE_FATAL, writer, path);
}

void put_all(const Archive& archive, int descriptor, int64_t timestamp, const fs::path& path) {
  const Writer writer(archive_write_new());
  // Plain ustar records; extended headers only for a path too long for those.
  archive_write_set_format_pax_restricted(writer.get());
  archive_write_add_filter_none(writer.get());
  expect(archive_write_open_fd(writer.get(), descriptor), writer.get(), path);
  for (const ArchiveMember& member : archive) put_member(writer.get(), member, timestamp, path);
  expect(archive_write_close(writer.get()), writer.get(), path);
}

}  // namespace

void write_tar(const Archive& archive, const fs::path& path, int64_t timestamp) {
  std::error_code error;
  const fs::path target = fs::weakly_canonical(path, error);
  const fs::path& place = error ? path : target;
  if (fs::is_directory(place)) fail(path.string(), "is a directory; name a file for the archive");
  // Devices and pipes cannot be replaced by renaming.
  if (fs::exists(place) && !fs::is_regular_file(place)) {
    const int descriptor = open(place.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) fail(path.string(), "cannot be written: ", std::strerror(errno));
    put_all(archive, descriptor, timestamp, path);
    close(descriptor);
    return;
  }
  TemporaryFile file(place);
  put_all(archive, file.descriptor(), timestamp, path);
  file.rename_to(place);
}

}  // namespace mlfc

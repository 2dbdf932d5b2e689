// fork, exec and poll. The program leads a process group of its own, so that what it starts ends
// with it when time is up.
#include "runtime/runner/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "ir/error.h"

namespace mlfc {
namespace {

[[noreturn]] void become(const std::vector<std::string>& words, const std::filesystem::path& folder,
                         int out, int err) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  for (int descriptor = 3; descriptor < 256; ++descriptor) close(descriptor);
  if (folder.empty() || chdir(folder.c_str()) == 0) execvp(arguments[0], arguments.data());
  const std::string reason = words[0] + ": " + std::strerror(errno) + "\n";
  const ssize_t ignored = write(STDERR_FILENO, reason.data(), reason.size());
  (void)ignored;
  _exit(127);
}

/// True while the stream is open.
bool read_some(int descriptor, std::string& text) {
  char buffer[65536];
  const ssize_t count = read(descriptor, buffer, sizeof buffer);
  if (count > 0) text.append(buffer, static_cast<size_t>(count));
  return count > 0 || (count < 0 && errno == EINTR);
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& words,
                          const std::filesystem::path& folder, double timeout_seconds) {
  int out[2];
  int err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
    fail("", "cannot make a pipe: ", std::strerror(errno));
  }
  const pid_t process = fork();
  if (process < 0) fail("", "cannot start ", words[0], ": ", std::strerror(errno));
  if (process == 0) become(words, folder, out[1], err[1]);
  close(out[1]);
  close(err[1]);

  ProcessResult result;
  const auto begin = std::chrono::steady_clock::now();
  pollfd streams[2] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    poll(streams, 2, 100);
    if (streams[0].revents != 0 && !read_some(out[0], result.out)) streams[0].fd = -1;
    if (streams[1].revents != 0 && !read_some(err[0], result.err)) streams[1].fd = -1;
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    if (taken.count() > timeout_seconds) {
      result.timed_out = true;
      kill(-process, SIGKILL);
      break;
    }
  }
  close(out[0]);
  close(err[0]);
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

std::string find_program(const std::string& program) {
  if (program.find('/') != std::string::npos) {
    return access(program.c_str(), X_OK) == 0 ? program : "";
  }
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/bin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = folder + "/" + program;
    if (access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

}  // namespace mlfc

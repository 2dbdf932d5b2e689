// A small pool of forked children. The compiler has no threads, so forking is safe, and a child
// starts with everything loaded. Results come back through a pipe.
#include "frontend/cli/isolate.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <vector>

#include "ir/error.h"

namespace mlfc {
namespace {

using Clock = std::chrono::steady_clock;

struct Child {
  int index = 0;
  pid_t process = -1;
  int pipe = -1;
  Clock::time_point begin = {};
  bool timed_out = false;
  IsolatedResult result = {};
};

[[noreturn]] void be_child(int write_end, const std::function<std::string(int)>& job, int index) {
  // A group of its own, so that a compiler or emulator the job started dies with it.
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // an interrupted run leaves nothing behind
  int status = 0;
  try {
    const std::string text = job(index);
    size_t at = 0;
    while (at < text.size()) {
      const ssize_t count = write(write_end, text.data() + at, text.size() - at);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      at += static_cast<size_t>(count);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    status = 1;
  }
  // No destructors of static objects: they belong to the parent.
  _exit(status);
}

Child start(int index, const std::function<std::string(int)>& job) {
  int ends[2];
  if (pipe(ends) != 0) fail("", "cannot make a pipe: ", std::strerror(errno));
  std::fflush(stdout);
  std::fflush(stderr);
  Child child;
  child.index = index;
  child.begin = Clock::now();
  child.process = fork();
  if (child.process < 0) fail("", "cannot start a process: ", std::strerror(errno));
  if (child.process == 0) {
    close(ends[0]);
    be_child(ends[1], job, index);
  }
  close(ends[1]);
  child.pipe = ends[0];
  return child;
}

double seconds_of(const Child& child) {
  return std::chrono::duration<double>(Clock::now() - child.begin).count();
}

void finish(Child& child) {
  close(child.pipe);
  int status = 0;
  while (waitpid(child.process, &status, 0) < 0 && errno == EINTR) {
  }
  kill(-child.process, SIGKILL);  // whatever the job left running
  child.result.seconds = seconds_of(child);
  if (child.timed_out) {
    child.result.problem = fmt::format("took longer than {:.0f} s", child.result.seconds);
  } else if (WIFSIGNALED(status)) {
    child.result.problem = fmt::format("crashed (signal {})", WTERMSIG(status));
  } else if (WEXITSTATUS(status) != 0) {
    child.result.problem = fmt::format("ended with status {}", WEXITSTATUS(status));
  }
}

/// Reads what the child has written; true when it has closed its end.
bool drain(Child& child) {
  char buffer[65536];
  const ssize_t count = read(child.pipe, buffer, sizeof buffer);
  if (count > 0) child.result.text.append(buffer, static_cast<size_t>(count));
  return count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN);
}

}  // namespace

void run_isolated(int count, const IsolateOptions& options,
                  const std::function<std::string(int)>& job,
                  const std::function<void(int, const IsolatedResult&)>& done) {
  std::vector<Child> running;
  std::map<int, IsolatedResult> finished;  // waiting for their turn to be reported
  int next = 0;
  int reported = 0;
  while (reported < count) {
    while (next < count && static_cast<int>(running.size()) < options.jobs) {
      running.push_back(start(next++, job));
    }
    std::vector<pollfd> polls;
    for (const Child& child : running) polls.push_back({child.pipe, POLLIN, 0});
    poll(polls.data(), polls.size(), 100);
    std::vector<Child> still_running;
    for (size_t i = 0; i < running.size(); ++i) {
      Child& child = running[i];
      if (!child.timed_out && seconds_of(child) > options.timeout_seconds) {
        child.timed_out = true;
        kill(-child.process, SIGKILL);
        kill(child.process, SIGKILL);
      }
      const bool closed = (polls[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && drain(child);
      if (!closed && !child.timed_out) {
        still_running.push_back(std::move(child));
        continue;
      }
      finish(child);
      finished.emplace(child.index, std::move(child.result));
    }
    running = std::move(still_running);
    for (auto ready = finished.find(reported); ready != finished.end();
         ready = finished.find(reported)) {
      done(reported++, ready->second);
      finished.erase(ready);
    }
  }
}

}  // namespace mlfc

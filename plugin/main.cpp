#include <csignal>
#include <exception>
#include <string>

#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "plugin/cni/request.h"
#include "plugin/dispatch.h"

namespace {

// A configuration is a few kilobytes; ten thousand mapped ports make half a megabyte.
constexpr std::size_t kLongestInput = 1U << 20;

void report(const std::string& line) {
  try {
    base::write_all(STDERR_FILENO, line + "\n", "stderr");
  } catch (const base::SystemError&) {
    return;  // there is nobody to tell
  }
}

}  // namespace

int main(int argc, char* argv[]) {
  // A runtime that has gone must not keep us from undoing or finishing what we are at.
  (void)std::signal(SIGPIPE, SIG_IGN);
  const auto environment = cni::Environment::of_process();
  return plugin::dispatch(
      {.called_as = argc > 0 ? argv[0] : "patchcord",
       .environment = environment,
       .read_input = [] { return base::read_all(STDIN_FILENO, kLongestInput, "stdin"); },
       .write_output =
           [](const std::string& text) { base::write_all(STDOUT_FILENO, text, "stdout"); },
       .report = report,
       .on_terminal = ::isatty(STDIN_FILENO) == 1});
}

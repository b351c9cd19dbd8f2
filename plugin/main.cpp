// The edge of the process: a CNI plugin, or with words on the command line the tool.
#include <charconv>
#include <csignal>
#include <exception>
#include <span>
#include <string>

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "plugin/cni/request.h"
#include "plugin/cni/text.h"
#include "plugin/dispatch.h"
#include "plugin/operator/command.h"

namespace {

void report(const std::string& line) {
  try {
    base::write_all(STDERR_FILENO, cni::printable_lines(line) + "\n", "stderr");
  } catch (const base::SystemError&) {
    return;  // there is nobody to tell
  }
}

void write_output(const std::string& text) {
  base::write_all(STDOUT_FILENO, text, "stdout");
}

// As many columns as the terminal has, or as whoever reads the output says (COLUMNS).
std::size_t find_width(const cni::Environment& environment) {
  const std::string columns = environment.get("COLUMNS");
  std::size_t width = 0;
  const auto end = columns.data() + columns.size();
  if (std::from_chars(columns.data(), end, width).ptr == end && width > 0) return width;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) return size.ws_col;
  return 0;
}

// By the variable that counts; without any the terminal is taken to have it.
bool lacks_utf8(const cni::Environment& environment) {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value = environment.get(name);
    if (value.empty()) continue;
    for (char& c : value) c = static_cast<char>(c | 0x20);  // lower case
    return value.find("utf-8") == std::string::npos && value.find("utf8") == std::string::npos;
  }
  return false;
}

int run_tool(const cni::Environment& environment, std::span<const char* const> words) {
  const bool on_terminal = ::isatty(STDOUT_FILENO) == 1;
  return tool::run({.words = words,
                    .environment = environment,
                    .console = {.write = write_output,
                                .report = report,
                                .colours = on_terminal && environment.get("NO_COLOR").empty(),
                                .width = find_width(environment),
                                .ascii = lacks_utf8(environment)}});
}

}  // namespace

int main(int argc, char* argv[]) {
  // A runtime that has gone must not keep us from undoing or finishing what we are at.
  (void)std::signal(SIGPIPE, SIG_IGN);
  const auto environment = cni::Environment::of_process();
  // With a command of CNI's it is the plugin, whatever else there is on the command line.
  if (argc > 1 && environment.get("CNI_COMMAND").empty()) {
    return run_tool(environment, std::span(argv + 1, static_cast<std::size_t>(argc - 1)));
  }
  return plugin::dispatch(
      {.called_as = argc > 0 ? argv[0] : "patchcord",
       .environment = environment,
       .read_input = [] { return base::read_all(STDIN_FILENO, cni::kLongestOfAll, "stdin"); },
       .write_output = write_output,
       .report = report,
       .on_terminal = ::isatty(STDIN_FILENO) == 1});
}

// From the words of a command line to a command of the tool.
#include <algorithm>
#include <array>
#include <vector>

#include "plugin/cni/error.h"
#include "plugin/dispatch.h"
#include "plugin/operator/command.h"
#include "plugin/operator/commands/help.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

constexpr std::string_view kSeeHelp = "; see patchcord help";

// What every command takes.
constexpr Option kHelpOption = {.name = "help", .letter = 'h', .meaning = "this text"};

int run_command(const Command& command, const Start& start) {
  std::vector<Option> options(command.options.begin(), command.options.end());
  options.push_back(kHelpOption);
  const Arguments arguments = Arguments::parse(start.words.subspan(1), options);
  if (arguments.has(kHelpOption.name)) {
    start.console.write(help_of(command));
    return kFine;
  }
  const auto count = arguments.operands().size();
  if (count < command.least || count > command.most) {
    throw Misuse("usage: " + usage_of(command));
  }
  return command.run({.arguments = arguments,
                      .environment = start.environment,
                      .console = start.console,
                      .state_directory = plugin::state_directory_of(start.environment)});
}

int run_words(const Start& start) {
  const std::string_view first = start.words.front();
  if (first == "-h" || first == "--help") {
    start.console.write(overview());
    return kFine;
  }
  if (first == "--version") {
    start.console.write(version_line());
    return kFine;
  }
  const Command* command = find_command(first);
  if (command == nullptr) {
    throw Misuse("there is no command \"" + std::string(first) + "\"" + std::string(kSeeHelp));
  }
  return run_command(*command, start);
}

int run_reporting(const Start& start) {
  try {
    return run_words(start);
  } catch (const Misuse& misuse) {
    start.console.report(std::string("patchcord: ") + misuse.what());
    return kMisused;
  } catch (...) {
    const cni::Error error = plugin::as_error(std::current_exception());
    start.console.report(std::string("patchcord: ") + error.what());
    if (!error.details().empty()) start.console.report("  " + error.details());
    return kNotFine;
  }
}

// Whatever a command says becomes what a terminal may be given on its way out. What it reports does
// so in main.cpp, with the plugin's own words.
Console made_safe(const Console& console) {
  Console safe = console;
  safe.write = [&console](const std::string& text) { console.write(shown(console, text)); };
  return safe;
}

}  // namespace

int run(const Start& start) noexcept {
  try {
    const Console console = made_safe(start.console);
    return run_reporting({start.words, start.environment, console});
  } catch (...) {
    return kNotFine;  // there is no memory to say it with
  }
}

}  // namespace tool

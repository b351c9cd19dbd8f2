// From the words of a command line to a command of the tool.
#include <algorithm>
#include <array>
#include <vector>

#include <unistd.h>

#include "plugin/cni/error.h"
#include "plugin/cni/nearest.h"
#include "plugin/dispatch.h"
#include "plugin/operator/command.h"
#include "plugin/operator/commands/help.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

constexpr std::string_view kSeeHelp = "; see patchcord help";

// What every command takes.
constexpr Option kHelpOption = {.name = "help", .letter = 'h', .meaning = "this text"};

// Whatever a command says becomes what a terminal may be given on its way out. What it reports does
// so in main.cpp, with the plugin's own words.
Console made_safe(const Console& console) {
  Console safe = console;
  safe.write = [console](const std::string& text) { console.write(shown(console, text)); };
  if (console.ascii)
    safe.report = [console](const std::string& text) { console.report(as_ascii(text)); };
  return safe;
}

// What programs read stays as it is, whatever a terminal can show.
bool is_document(const Command& command, const Arguments& arguments) {
  const std::string form =
      arguments.value("output").value_or(arguments.value("format").value_or("text"));
  constexpr std::array<std::string_view, 5> kTexts = {"text", "table", "wide", "name", "plugins"};
  return std::find(kTexts.begin(), kTexts.end(), form) == kTexts.end() || &command == &kMetrics ||
         &command == &kCompletion;
}

void require_root(const Command& command) {
  if (command.is_for_all || ::geteuid() == 0) return;
  throw cni::Error(cni::Code::kFile, std::string(command.name) +
                                         " needs root's rights, to look into other namespaces: "
                                         "sudo patchcord " +
                                         std::string(command.name));
}

std::string meant_by(std::string_view word) {
  std::vector<std::string> names;
  for (const auto* each : commands()) names.emplace_back(each->name);
  const std::string name = cni::nearest(word, names);
  return name.empty() ? "" : "; is " + name + " meant?";
}

int run_command(const Command& command, const Start& start) {
  std::vector<Option> options(command.options.begin(), command.options.end());
  options.push_back(kHelpOption);
  const Arguments arguments = Arguments::parse(start.words.subspan(1), options);
  if (arguments.has(kHelpOption.name)) {
    made_safe(start.console).write(help_of(command));
    return kFine;
  }
  const auto count = arguments.operands().size();
  if (count < command.least || count > command.most) {
    throw Misuse("usage: " + usage_of(command));
  }
  require_root(command);
  Console console = start.console;
  if (is_document(command, arguments)) console.ascii = false;
  return command.run({.arguments = arguments,
                      .environment = start.environment,
                      .console = made_safe(console),
                      .state_directory = plugin::state_directory_of(start.environment)});
}

int run_words(const Start& start) {
  const std::string_view first = start.words.front();
  if (first == "-h" || first == "--help") {
    made_safe(start.console).write(overview());
    return kFine;
  }
  if (first == "--version" || first == "-V") {
    made_safe(start.console).write(version_line());
    return kFine;
  }
  const Command* command = find_command(first);
  if (command == nullptr) {
    throw Misuse("there is no command \"" + std::string(first) + "\"" + meant_by(first) +
                 std::string(kSeeHelp));
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

}  // namespace

int run(const Start& start) noexcept {
  try {
    Console console = start.console;
    console.report = made_safe(start.console).report;
    return run_reporting({start.words, start.environment, console});
  } catch (...) {
    return kNotFine;  // there is no memory to say it with
  }
}

}  // namespace tool

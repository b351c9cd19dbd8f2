#include "plugin/operator/commands/help.h"

#include <algorithm>

#include "plugin/cni/version.h"

namespace tool {
namespace {

void append_padded(std::string& text, std::string_view word, std::size_t width) {
  text += word;
  text.append(word.size() < width ? width - word.size() : 1, ' ');
}

std::string word_of(const Option& option) {
  std::string word = option.letter == 0 ? "    " : std::string("-") + option.letter + ", ";
  word += "--" + std::string(option.name);
  if (!option.value.empty()) word += " " + std::string(option.value);
  return word;
}

void append_option(std::string& text, const Option& option) {
  constexpr std::size_t kWidth = 24;
  text += "  ";
  append_padded(text, word_of(option), kWidth);
  text += option.meaning;
  if (!option.choices.empty()) {
    std::string choices(option.choices);
    std::replace(choices.begin(), choices.end(), '|', ' ');
    text += " (" + choices + ")";
  }
  text += "\n";
}

// Each line of `lines` behind two spaces.
void append_indented(std::string& text, std::string_view lines) {
  while (!lines.empty()) {
    const auto end = std::min(lines.find('\n'), lines.size());
    text += "  " + std::string(lines.substr(0, end)) + "\n";
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

int run_help(const Call& call) {
  const auto& operands = call.arguments.operands();
  if (operands.empty()) {
    call.console.write(overview());
    return kFine;
  }
  const Command* command = find_command(operands.front());
  if (command == nullptr) throw Misuse("there is no command \"" + operands.front() + "\"");
  call.console.write(help_of(*command));
  return kFine;
}

int run_version(const Call& call) {
  call.console.write(version_line());
  return kFine;
}

}  // namespace

const Command kHelp = {.name = "help",
                       .operands = "[COMMAND]",
                       .most = 1,
                       .summary = "what there is, or one command with all that it takes",
                       .examples = "patchcord help list",
                       .run = run_help,
                       .is_for_all = true};

const Command kVersion = {.name = "version",
                          .summary = "which patchcord this is, and the CNI that it speaks",
                          .examples = "patchcord version",
                          .run = run_version,
                          .is_for_all = true};

std::string overview() {
  constexpr std::size_t kWidth = 12;
  std::string text =
      "usage: patchcord COMMAND [options] [operands]\n"
      "\n"
      "The network of this node's containers, as patchcord and other CNI plugins made it.\n"
      "Called by a container runtime, with CNI_COMMAND in the environment, it is the plugin.\n"
      "\n";
  for (const Command* command : commands()) {
    text += "  ";
    append_padded(text, command->name, kWidth);
    text += std::string(command->summary) + "\n";
  }
  return text +
         "\n`patchcord COMMAND --help` has options and examples; patchcord(8) has it all.\n"
         "\nExample: patchcord inspect shop/web-0\n";
}

std::string usage_of(const Command& command) {
  std::string text = "patchcord " + std::string(command.name);
  if (!command.options.empty()) text += " [options]";
  if (!command.operands.empty()) text += " " + std::string(command.operands);
  return text;
}

std::string help_of(const Command& command) {
  std::string text = "usage: " + usage_of(command) + "\n\n";
  append_indented(text, command.summary);
  if (!command.details.empty()) {
    text += "\n";
    append_indented(text, command.details);
  }
  if (!command.options.empty()) text += "\nOptions:\n";
  for (const Option& option : command.options) append_option(text, option);
  if (!command.examples.empty()) {
    text += "\nExamples:\n";
    append_indented(text, command.examples);
  }
  return text;
}

std::string version_line() {
  return "patchcord " PATCHCORD_VERSION " (CNI " + cni::supported_versions_text() + ")\n";
}

}  // namespace tool

// patchcord completion: what bash, zsh and fish offer behind `patchcord`.
#include "plugin/operator/command.h"

// Completions are made from the table of commands, so that they know what the tool knows.
namespace tool {
namespace {

std::string words_of(const Command& command) {
  std::string words;
  for (const Option& option : command.options) {
    if (option.letter != 0) words += std::string("-") + option.letter + " ";
    words += "--" + std::string(option.name) + " ";
  }
  return words + "-h --help";
}

std::string spaced(std::string_view choices) {
  std::string words(choices);
  for (char& c : words) {
    if (c == '|') c = ' ';
  }
  return words;
}

std::string names_of_commands() {
  std::string names;
  for (const Command* command : commands()) {
    names += (names.empty() ? "" : " ") + std::string(command->name);
  }
  return names;
}

// What a command's operands are where that is one of a few words; empty for all others.
std::string words_for_operand(const Command& command) {
  if (&command == &kHelp) return names_of_commands();
  const bool are_words =
      command.operands.find_first_not_of("abcdefghijklmnopqrstuvwxyz|") == std::string_view::npos;
  return are_words ? spaced(command.operands) : "";
}

// The command that prints what an operand may be where that is a name of the node's; empty for all
// others.
std::string source_of_operand(const Command& command) {
  const bool networks = command.operands.find("NETWORK") != std::string_view::npos;
  const bool names = command.operands.find("NAME") != std::string_view::npos ||
                     command.operands.find("NETNS") != std::string_view::npos;
  constexpr const char* kList = "patchcord list -o name 2>/dev/null";
  constexpr const char* kConfigured = "patchcord networks -o name 2>/dev/null";
  if (networks && names) return std::string(kConfigured) + "; " + kList;
  if (networks) return kConfigured;
  return names ? kList : "";
}

// What may follow an option of a command.
std::string bash_choices() {
  std::string cases;
  for (const Command* command : commands()) {
    for (const Option& option : command->options) {
      if (option.value.empty()) continue;
      const std::string before = "\"" + std::string(command->name) + " -";
      cases += "    " + before + "-" + std::string(option.name) + "\"";
      if (option.letter != 0) cases += "|" + before + option.letter + "\"";
      cases += option.choices.empty()
                   ? ") compopt -o default; return ;;\n"
                   : ") mapfile -t COMPREPLY < <(compgen -W \"" + spaced(option.choices) +
                         "\" -- \"$word\"); return ;;\n";
    }
  }
  return cases;
}

std::string bash() {
  std::string text =
      "# bash completion for patchcord(8)\n"
      "_patchcord() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    mapfile -t COMPREPLY < <(compgen -W \"" +
      names_of_commands() +
      "\" -- \"$word\")\n"
      "    return\n"
      "  fi\n"
      "  case \"${COMP_WORDS[1]} $before\" in\n" +
      bash_choices() +
      "  esac\n"
      "  case ${COMP_WORDS[1]} in\n";
  for (const Command* command : commands()) {
    std::string operands = words_for_operand(*command);
    if (const std::string source = source_of_operand(*command); !source.empty())
      operands = "$(" + source + ")";
    text += "    " + std::string(command->name) + ") mapfile -t COMPREPLY < <(compgen -W \"" +
            (operands.empty() ? "" : operands + " ") + words_of(*command) + "\" -- \"$word\") ;;\n";
  }
  return text +
         "  esac\n"
         "  [ ${#COMPREPLY[@]} -gt 0 ] || compopt -o default\n"
         "}\n"
         "complete -F _patchcord patchcord\n";
}

// One word of zsh's and fish's scripts, whatever is in it.
std::string in_quotes(std::string_view text) {
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') word += "'\\'";
    word += c;
  }
  return word + "'";
}

// A bracket would end the explanation.
std::string escaped(std::string_view meaning) {
  std::string text;
  for (const char c : meaning) {
    if (c == '[' || c == ']' || c == ':') text += '\\';
    text += c;
  }
  return text;
}

std::string zsh_option(const Option& option) {
  std::string rest = "[" + escaped(option.meaning) + "]";
  if (!option.value.empty()) {
    rest += ":" + std::string(option.value) + ":" +
            (option.choices.empty() ? "_files" : "(" + spaced(option.choices) + ")");
  }
  std::string text = " " + in_quotes("--" + std::string(option.name) + rest);
  if (option.letter != 0) text += " " + in_quotes(std::string("-") + option.letter + rest);
  return text;
}

std::string zsh() {
  std::string text =
      "#compdef patchcord\n"
      "_patchcord() {\n"
      "  local -a commands\n"
      "  commands=(\n";
  for (const Command* command : commands()) {
    text +=
        "    " + in_quotes(std::string(command->name) + ":" + std::string(command->summary)) + "\n";
  }
  text +=
      "  )\n"
      "  if (( CURRENT == 2 )); then\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  case $words[2] in\n";
  for (const Command* command : commands()) {
    text += "    " + std::string(command->name) + ") ";
    if (const std::string source = source_of_operand(*command); !source.empty())
      text += "local -a names=(${(f)\"$(" + source + ")\"}); ";
    text += "_arguments";
    for (const Option& option : command->options) text += zsh_option(option);
    const std::string operands = words_for_operand(*command);
    const std::string source = source_of_operand(*command);
    const std::string offer = operands.empty() ? "_files" : "(" + operands + ")";
    text += " '--help[this text]' " +
            (source.empty() ? in_quotes("*:operand:" + offer) : "\"*:operand:(${names[*]})\"") +
            " ;;\n";
  }
  return text +
         "  esac\n"
         "}\n"
         "# From a directory of functions, or by `source`.\n"
         "if [ \"$funcstack[1]\" = _patchcord ]; then _patchcord \"$@\"; else compdef _patchcord "
         "patchcord; fi\n";
}

std::string fish_option(const Command& command, const Option& option) {
  std::string text = "complete -c patchcord -n '__fish_seen_subcommand_from " +
                     std::string(command.name) + "' -l " + std::string(option.name);
  if (option.letter != 0) text += std::string(" -s ") + option.letter;
  if (!option.value.empty()) text += " -r";
  if (!option.choices.empty()) text += " -f -a " + in_quotes(spaced(option.choices));
  return text + " -d " + in_quotes(option.meaning) + "\n";
}

std::string fish() {
  std::string text = "# fish completion for patchcord(8)\n";
  for (const Command* command : commands()) {
    text += "complete -c patchcord -f -n __fish_use_subcommand -a " + std::string(command->name) +
            " -d " + in_quotes(command->summary) + "\n";
    if (const std::string operands = words_for_operand(*command); !operands.empty()) {
      text += "complete -c patchcord -f -n '__fish_seen_subcommand_from " +
              std::string(command->name) + "' -a " + in_quotes(operands) + "\n";
    }
    if (const std::string source = source_of_operand(*command); !source.empty()) {
      text += "complete -c patchcord -f -n '__fish_seen_subcommand_from " +
              std::string(command->name) + "' -a " +
              in_quotes("(command -q patchcord; and begin; " + source + "; end)") + "\n";
    }
    for (const Option& option : command->options) text += fish_option(*command, option);
  }
  return text + "complete -c patchcord -l help -s h -d 'this text'\n";
}

int run_completion(const Call& call) {
  const std::string& shell = call.arguments.operands().front();
  if (shell == "bash") {
    call.console.write(bash());
  } else if (shell == "zsh") {
    call.console.write(zsh());
  } else if (shell == "fish") {
    call.console.write(fish());
  } else {
    throw Misuse("there are completions for bash, zsh and fish, not for \"" + shell + "\"");
  }
  return kFine;
}

}  // namespace

const Command kCompletion = {.name = "completion",
                             .operands = "bash|zsh|fish",
                             .least = 1,
                             .most = 1,
                             .summary = "the script by which a shell completes these commands",
                             .examples =
                                 "source <(patchcord completion bash)\n"
                                 "source <(patchcord completion zsh)\n"
                                 "patchcord completion fish | source",
                             .run = run_completion,
                             .is_for_all = true};

}  // namespace tool

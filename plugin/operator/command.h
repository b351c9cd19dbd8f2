#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "plugin/cni/request.h"
#include "plugin/operator/arguments.h"

/// The command-line tool for the person at the node, over the records and the kernel. It only
/// reads, unless a command's name says otherwise. One file a command; the table of them is in
/// commands.cpp.
namespace tool {

struct Console {
  /// Takes text for stdout.
  std::function<void(const std::string&)> write;
  /// Takes a line for stderr.
  std::function<void(const std::string&)> report;
  bool colours = false;
  std::size_t width = 0;  // columns that tables have to fit into; 0 for no limit
  bool ascii = false;     // the locale has no UTF-8: what is not ASCII is shown by what is like it
};

/// One command as it was called.
struct Call {
  const Arguments& arguments;
  const cni::Environment& environment;
  const Console& console;
  std::string state_directory;
};

// Exit statuses; docs/patchcord.8 tells what they mean to each command.
inline constexpr int kFine = 0;
inline constexpr int kNotFine = 1;  // something is wrong with what was looked at, or has failed
inline constexpr int kMisused = 2;

/// Of operands: as many as there are.
inline constexpr std::size_t kAnyNumber = ~std::size_t{0};

struct Command {
  std::string_view name;
  std::string_view operands;  // "NETWORK|FILE NAME"; empty for none
  std::size_t least = 0;      // how many operands
  std::size_t most = 0;
  std::string_view summary;  // one line
  std::string_view details;  // sentences below it in the help; may be empty
  std::span<const Option> options;
  std::string_view examples;  // a line each
  int (*run)(const Call& call);
  bool is_for_all = false;  // it needs nothing that only root may see
};

extern const Command kAdd;
extern const Command kBlock;
extern const Command kCapture;
extern const Command kCheck;
extern const Command kCompletion;
extern const Command kDel;
extern const Command kDoctor;
extern const Command kExec;
extern const Command kFabric;
extern const Command kGc;
extern const Command kGraph;
extern const Command kHelp;
extern const Command kInspect;
extern const Command kInstall;
extern const Command kIpam;
extern const Command kList;
extern const Command kMetrics;
extern const Command kNetworks;
extern const Command kPool;
extern const Command kReconcile;
extern const Command kRuntimes;
extern const Command kStatus;
extern const Command kTrace;
extern const Command kUninstall;
extern const Command kValidate;
extern const Command kVersion;
extern const Command kWatch;

/// In the order of the help.
[[nodiscard]] std::span<const Command* const> commands();
/// Null where there is none of that name.
[[nodiscard]] const Command* find_command(std::string_view name);

/// Of the commands that show many things, a line each.
inline constexpr Option kOutputOption = {.name = "output",
                                         .letter = 'o',
                                         .value = "FORMAT",
                                         .choices = "table|wide|name|json|yaml",
                                         .meaning = "how to show it; table unless given"};
inline constexpr Option kNoHeadersOption = {.name = "no-headers",
                                            .meaning = "the lines of a table without its head"};

/// The process edge of the tool.
struct Start {
  std::span<const char* const> words;  // behind the program's name; at least one
  const cni::Environment& environment;
  const Console& console;
};

/// Runs the command that the words name. Returns the exit status; what is thrown becomes a text on
/// stderr.
[[nodiscard]] int run(const Start& start) noexcept;

}  // namespace tool

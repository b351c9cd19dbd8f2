// The table of the tool's commands.
#include <algorithm>
#include <array>

#include "plugin/operator/command.h"

namespace tool {

std::span<const Command* const> commands() {
  static constexpr std::array kCommands = {
      &kStatus,  &kList,      &kInspect,  &kNetworks,   &kIpam,      &kDoctor, &kTrace,
      &kCapture, &kExec,      &kGraph,    &kWatch,      &kReconcile, &kGc,     &kAdd,
      &kDel,     &kCheck,     &kValidate, &kPool,       &kBlock,     &kFabric, &kMetrics,
      &kInstall, &kUninstall, &kRuntimes, &kCompletion, &kVersion,   &kHelp};
  return kCommands;
}

const Command* find_command(std::string_view name) {
  // As hands type them that know other tools.
  if (name == "ls") return &kList;
  if (name == "rm") return &kDel;
  const auto all = commands();
  const auto at =
      std::find_if(all.begin(), all.end(), [&](const auto* each) { return each->name == name; });
  return at == all.end() ? nullptr : *at;
}

}  // namespace tool

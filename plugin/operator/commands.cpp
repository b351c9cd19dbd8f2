// The table of the tool's commands.
#include <algorithm>
#include <array>

#include "plugin/operator/command.h"

namespace tool {

std::span<const Command* const> commands() {
  static constexpr std::array<const Command*, 24> kCommands = {
      &kList,      &kInspect, &kDoctor,  &kTrace,   &kCapture,   &kExec,     &kGraph,      &kWatch,
      &kReconcile, &kGc,      &kAdd,     &kDel,     &kCheck,     &kStatus,   &kValidate,   &kPool,
      &kBlock,     &kFabric,  &kMetrics, &kInstall, &kUninstall, &kRuntimes, &kCompletion, &kHelp};
  return kCommands;
}

const Command* find_command(std::string_view name) {
  const auto all = commands();
  const auto at =
      std::find_if(all.begin(), all.end(), [&](const auto* each) { return each->name == name; });
  return at == all.end() ? nullptr : *at;
}

}  // namespace tool

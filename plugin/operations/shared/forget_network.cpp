#include "plugin/operations/shared/forget_network.h"

#include "plugin/ruleset/kernel.h"
#include "plugin/ruleset/unused.h"

namespace operations {
namespace {

void report_failure(const Settings& settings, const std::string& network,
                    const std::exception& error) {
  settings.report("rules of network " + network + " stay: " + error.what());
}

}  // namespace

void forget_network(const attachment::RecordStore& records, const std::string& network,
                    const Settings& settings) {
  if (records.has_any(network)) return;
  try {
    if (auto netfilter = ruleset::find_nftables()) ruleset::remove_unused(*netfilter, network);
  } catch (const std::exception& error) {
    report_failure(settings, network, error);
  }
}

void forget_network(Stage& stage, const std::string& network, const Settings& settings) {
  if (!stage.world.netfilter || stage.records.has_any(network)) return;
  try {
    ruleset::remove_unused(*stage.world.netfilter, network);
  } catch (const std::exception& error) {
    report_failure(settings, network, error);
  }
}

}  // namespace operations

#include "plugin/operations/status.h"

#include "netlink/link.h"
#include "plugin/cni/error.h"
#include "plugin/lease/lease.h"
#include "plugin/operations/conditions/network.h"
#include "plugin/operations/shared/former_names.h"
#include "plugin/ruleset/kernel.h"

namespace operations {
namespace {

// Their DELs will come with the new name, and their addresses are given again meanwhile.
void report_former_names(const cni::Request& request, const Settings& settings) {
  const attachment::RecordStore records(settings.state_directory);
  for (const auto& [name, count] : count_former_names(records, request))
    settings.report("STATUS: network " + name + " has " + std::to_string(count) +
                    " attachments with addresses that network " + request.network +
                    " gives, too; if that is its new name, give it the former one back until their "
                    "containers are gone");
}

}  // namespace

// Besides the socket itself, that the kernel answers.
void require_netlink() {
  netlink::Socket host;
  (void)netlink::find_link(host, "lo");
}

void require_nftables(const std::vector<std::string>& rules) {
  std::string features;
  for (const auto& rule : rules) features += (features.empty() ? "" : ", ") + rule;
  try {
    (void)ruleset::open_nftables();
  } catch (const netlink::Error& error) {
    throw cni::Error(cni::Code::kNotReady,
                     "nftables is needed for " + features + ": " + error.what());
  }
}

void look_for_nftables_of_ports(const Settings& settings) {
  try {
    require_nftables({"host ports"});
  } catch (const cni::Error& error) {
    settings.report(std::string("STATUS: containers with host ports will fail: ") + error.what());
  }
}

void Readiness::require(const std::function<void()>& check) {
  try {
    check();
  } catch (const cni::Error& error) {
    is_impaired_ |= error.code() == static_cast<unsigned>(cni::Code::kNotReadyAndImpaired);
    remember(error.what());
  } catch (const std::exception& error) {
    remember(error.what());
  }
}

void Readiness::remember(const std::string& problem) {
  problems_ += (problems_.empty() ? "" : "; ") + problem;
}

void Readiness::throw_if_not() const {
  if (problems_.empty()) return;
  throw cni::Error(is_impaired_ ? cni::Code::kNotReadyAndImpaired : cni::Code::kNotReady,
                   problems_);
}

void require_ready(const cni::Request& request, const config::Network& network,
                   const Settings& settings) {
  Readiness readiness;
  for (const auto& each :
       conditions::look_at_network(request, network, settings, conditions::Asker::kRuntime)) {
    const auto stops = conditions::find(each.name).stops;
    if (each.is_error && stops == conditions::Stops::kEveryAdd) {
      readiness.require([&] { throw cni::Error(cni::Code::kNotReady, each.text); });
    } else if (each.is_error || stops != conditions::Stops::kSomeAdds) {
      settings.report("STATUS: " + each.name + ": " + each.text + "; " +
                      (each.command.empty() ? each.remedy : each.command + ": " + each.remedy));
    }
  }
  if (!network.ipam.host_local) {
    readiness.require([&] {
      lease::require_ready(
          request, network.ipam,
          {.state_directory = settings.state_directory, .report = settings.report});
    });
  }
  readiness.throw_if_not();
  report_former_names(request, settings);
}

}  // namespace operations

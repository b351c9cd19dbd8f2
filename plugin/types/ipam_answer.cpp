#include "plugin/types/ipam_answer.h"

#include "base/rollback.h"
#include "plugin/cni/error.h"
#include "plugin/lease/lease.h"

namespace types {

void answer_addresses(const cni::Request& request, const config::Ipam& ipam,
                      const Settings& settings) {
  base::Rollback undo(settings.report);
  lease::Lease lease = lease::acquire(
      request, ipam, {.state_directory = settings.state_directory, .report = settings.report},
      undo);
  // The interface is the caller's business: an IPAM result has none.
  const cni::Result result{.interfaces = {},
                           .ips = std::move(lease.ips),
                           .routes = std::move(lease.routes),
                           .dns = std::move(lease.dns)};
  settings.deliver(cni::to_document(result, request.version));
  undo.dismiss();
}

config::Ipam parse_ipam_request(const cni::Request& request, std::string_view type) {
  // MAC is for the plugin that calls us.
  cni::Arguments::parse(request.args).require_known({"IP", "GATEWAY", "MAC"});
  return config::parse_ipam_of(request, type);
}

}  // namespace types

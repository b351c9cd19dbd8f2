#include "plugin/operations/shared/valid_attachments.h"

namespace operations {

using attachment::Key;

std::optional<ValidAttachments> read_valid_attachments(const cni::Request& request,
                                                       const Settings& settings) {
  const auto list = request.valid_attachments();
  if (!list) {
    settings.report("GC of network " + request.network +
                    ": the configuration has no cni.dev/valid-attachments, so nothing is removed");
    return std::nullopt;
  }
  ValidAttachments valid;
  for (const auto& each : *list) {
    const Key key{
        .network = request.network, .container_id = each.container_id, .ifname = each.interface};
    valid.attachments.insert(key);
    valid.containers.insert(each.container_id);
    valid.aliases.insert(attachment::alias_of(key));
  }
  return valid;
}

cni::Request as_del(const cni::Request& request, const Key& key) {
  auto variables = request.environment.all();
  variables["CNI_COMMAND"] = cni::to_string(cni::Command::kDel);
  variables["CNI_CONTAINERID"] = key.container_id;
  variables["CNI_IFNAME"] = key.ifname;
  variables["CNI_NETNS"] = "";
  return cni::read_request(cni::Environment(std::move(variables)), request.input);
}

}  // namespace operations

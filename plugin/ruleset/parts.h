#pragma once

#include <optional>
#include <string>

#include "plugin/attachment/attachment.h"
#include "plugin/cni/port_mapping.h"
#include "plugin/ruleset/wanted.h"

/// What attachments have in our tables, feature by feature. Each adds to what is wanted.
namespace ruleset {

void want_masquerade(const attachment::Attachment& attachment, Wanted& wanted);
void want_isolation(const attachment::Attachment& attachment, Wanted& wanted);
void want_antispoof(const attachment::Attachment& attachment, Wanted& wanted);
/// The port that antispoof's rules bind to its MAC; absent where there are none.
[[nodiscard]] std::optional<attachment::GuardedPort> find_guarded_port(
    const attachment::Attachment& attachment);
/// Of type tuning, which gives the interface of such a port another MAC: that it may use it, too.
void want_tuned_mac(const attachment::Attachment& attachment, Wanted& wanted);
void want_host_ports(const attachment::Attachment& attachment, Wanted& wanted);
/// "host tcp port 8080": what its elements are (Element::what).
[[nodiscard]] std::string describe(const cni::PortMapping& mapping);
void want_acceptance(const attachment::Attachment& attachment, Wanted& wanted);

/// Nothing of an attachment's own: that the node takes no router advertisement from any container
/// of ours on any bridge.
void want_node_guard(Wanted& wanted);

}  // namespace ruleset

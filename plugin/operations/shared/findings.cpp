#include "plugin/operations/shared/findings.h"

#include "plugin/cni/error.h"

namespace operations {

void check_namespace(const cni::Request& request, const netlink::NamespaceIdentity& container,
                     const attachment::Attachment& attachment, steps::Findings& findings) {
  if (container != attachment.netns)
    findings.push_back("CNI_NETNS " + request.netns + " is not the namespace that was attached");
}

void throw_findings(const steps::Findings& findings) {
  if (findings.empty()) return;
  std::string text;
  for (const auto& finding : findings) text += (text.empty() ? "" : "; ") + finding;
  throw cni::Error(cni::Code::kCheckFailed, text);
}

}  // namespace operations

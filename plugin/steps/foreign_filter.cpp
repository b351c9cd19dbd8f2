// Rules that accept containers where others' iptables would drop what is forwarded.
#include "plugin/ruleset/foreign_filter.h"

#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

namespace steps {
namespace {

using attachment::Attachment;

// Without an undo: the rules are for whoever comes, and alone accept nothing.
void apply(World& world, Attachment& attachment, base::Rollback&) {
  if (!attachment.firewall) return;
  ruleset::accept_in_foreign_filter(netfilter_of(world), attachment::families_of(attachment),
                                    attachment.firewall->admin_chain);
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  if (!attachment.firewall) return;
  for (auto& missing :
       ruleset::find_missing_acceptance(netfilter_of(world), attachment::families_of(attachment),
                                        attachment.firewall->admin_chain))
    findings.push_back(std::move(missing));
}

void restore(World& world, const Attachment& attachment, Findings& restored) {
  Findings missing;
  check(world, attachment, missing);
  if (missing.empty()) return;
  ruleset::accept_in_foreign_filter(netfilter_of(world), attachment::families_of(attachment),
                                    attachment.firewall->admin_chain);
  restored.insert(restored.end(), missing.begin(), missing.end());
}

void remove(World&, const Attachment&) {}

}  // namespace

const Step kForeignFilter = {
    .name = "foreign filter", .apply = apply, .check = check, .remove = remove, .restore = restore};

}  // namespace steps

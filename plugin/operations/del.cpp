#include "plugin/operations/del.h"

#include "netlink/link.h"
#include "plugin/attachment/record_store.h"
#include "plugin/operations/chained.h"
#include "plugin/operations/shared/forget_network.h"
#include "plugin/operations/shared/former_names.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/operations/shared/recorded.h"
#include "plugin/operations/shared/stage.h"
#include "plugin/operations/shared/tear_down.h"
#include "plugin/steps/world.h"

namespace operations {
namespace {

using attachment::Attachment;
using attachment::RecordStore;

void delete_attachment(const cni::Request& request, const Settings& settings,
                       Unrecorded unrecorded) {
  Stage stage{RecordStore(settings.state_directory)};
  delete_recorded({.records = stage.records,
                   .key = key_of(request),
                   .tear_down =
                       [&](const std::optional<Attachment>& known) {
                         tear_down(stage.world, request, known, settings.state_directory,
                                   unrecorded);
                       }},
                  settings);
  forget_network(stage, request.network, settings);
}

void delete_under_former_name(const cni::Request& request, const attachment::Key& key,
                              const Settings& settings, Unrecorded unrecorded) {
  settings.report("DEL: the attachment was made when network " + request.network + " was called " +
                  key.network);
  const cni::Request former = cni::with_network(request, key.network);
  // Those behind it in the chain know the ranges of no network, and so cannot tell by themselves.
  for (const Chained* type : chained_types()) {
    if (RecordStore(settings.state_directory, type->name).exists(key))
      delete_chained(*type, former, settings);
  }
  delete_attachment(former, settings, unrecorded);
}

// The runtime asks for them by today's name, and nobody else will.
void delete_under_any_name(const cni::Request& request, const Settings& settings,
                           Unrecorded unrecorded) {
  const RecordStore records(settings.state_directory);
  for (const auto& key : find_under_former_names(records, request))
    delete_under_former_name(request, key, settings, unrecorded);
  delete_attachment(request, settings, unrecorded);
}

}  // namespace

void del(const cni::Request& request, const Settings& settings) {
  delete_under_any_name(request, settings, Unrecorded::kMarked);
}

void del_drop_in(const cni::Request& request, const Settings& settings) {
  delete_under_any_name(request, settings, Unrecorded::kOfContainer);
}

}  // namespace operations

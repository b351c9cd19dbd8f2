#include "plugin/operations/del.h"

#include "plugin/attachment/record_store.h"
#include "plugin/operations/shared/forget_network.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/operations/shared/recorded.h"
#include "plugin/operations/shared/stage.h"
#include "plugin/operations/shared/tear_down.h"

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

}  // namespace

void del(const cni::Request& request, const Settings& settings) {
  delete_attachment(request, settings, Unrecorded::kMarked);
}

void del_drop_in(const cni::Request& request, const Settings& settings) {
  delete_attachment(request, settings, Unrecorded::kOfContainer);
}

}  // namespace operations

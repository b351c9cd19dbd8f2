#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ipam/store.h"
#include "netlink/link.h"
#include "netlink/socket.h"
#include "plugin/attachment/record_store.h"
#include "plugin/cni/request.h"
#include "plugin/operations/settings.h"
#include "plugin/operations/shared/attempts.h"
#include "plugin/operations/shared/valid_attachments.h"

/// What GC finds: it looks and changes nothing.
namespace operations {

/// Whether the list does not have the holder of an address. One in the old form, without an
/// interface, is valid if any interface of its container is.
[[nodiscard]] bool is_stale(const ValidAttachments& valid, const std::string& network,
                            const ipam::Owner& owner);

/// What there is of an attachment that is not valid.
struct Traces {
  std::string host_end{};  // its name, where one was seen
  int host_index = 0;      // of the same; 0 for none
  bool record = false;     // or a draft
  bool reservation = false;
};

struct Garbage {
  std::map<attachment::Key, Traces> attachments;
  std::vector<netlink::Link> unnamed;  // host ends whose alias was shortened
  std::vector<ipam::Owner> holders;    // of reservations that name no attachment
};

struct Places {
  const cni::Request& request;
  const Settings& settings;
  netlink::Socket& host;
  const attachment::RecordStore& records;
};

/// Goes on past what cannot be looked at, which `attempts` remembers.
[[nodiscard]] Garbage find_garbage(const Places& places, const ValidAttachments& valid,
                                   Attempts& attempts);

/// A line for each thing that would be removed, with the traces that there are of it.
[[nodiscard]] std::vector<std::string> describe(const Garbage& garbage);

}  // namespace operations

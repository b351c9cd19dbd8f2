#include "plugin/operator/attaching.h"

#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "plugin/attachment/record_store.h"
#include "plugin/cni/error.h"
#include "plugin/cni/object.h"
#include "plugin/operator/named.h"

namespace tool {
namespace {

std::string choose(const Call& call, const Option& option, std::string_view variable,
                   const std::string& usual) {
  if (const auto given = call.arguments.value(option.name)) return *given;
  const std::string set = variable.empty() ? "" : call.environment.get(variable);
  return set.empty() ? usual : set;
}

// Whether anything tells of it: what `patchcord add` keeps, or a record.
bool is_known(const Call& call, const std::string& network, const Attaching& attaching) {
  return !KeptResult(call, network, attaching).read().empty() ||
         attachment::RecordStore(call.state_directory)
             .exists({network, attaching.container_id, attaching.ifname});
}

Attaching by_words(const Call& call, const std::string& path) {
  return {.container_id =
              choose(call, kIdOption, "CNI_CONTAINERID", "cnitool-" + base::sha512_hex(path, 20)),
          .netns = path,
          .ifname = choose(call, kInterfaceOption, "CNI_IFNAME", "eth0"),
          .arguments = choose(call, kArgumentsOption, "CNI_ARGS", ""),
          .offers = choose(call, kOffersOption, "CAP_ARGS", "")};
}

bool has_id(const Call& call) {
  return !choose(call, kIdOption, "CNI_CONTAINERID", "").empty();
}

std::vector<Sighting> find_called(const Call& call, const std::string& word) {
  Node node(call.state_directory);
  const auto files = read_configurations(configuration_directory(call));
  return find_named(node, reservation_directories(files), word);
}

}  // namespace

Attaching attaching_of(const Call& call) {
  const std::string& word = call.arguments.operands().at(1);
  Attaching attaching = by_words(call, namespace_path(word));
  if (netlink::Namespace::find(attaching.netns)) return attaching;
  auto found = find_called(call, word);
  std::erase_if(found, [](const Sighting& each) { return each.attachment.netns_path.empty(); });
  // That it has several interfaces makes it no less one container.
  while (found.size() > 1 &&
         found.back().attachment.netns_path == found.front().attachment.netns_path)
    found.pop_back();
  // The plugin says it best what is wrong with a path.
  if (found.empty()) return attaching;
  const auto container = require_one(std::move(found), word).attachment;
  attaching.netns = container.netns_path;
  if (!has_id(call)) attaching.container_id = container.key.container_id;
  if (attaching.arguments.empty() && container.pod) {
    attaching.arguments = "IgnoreUnknown=1;K8S_POD_NAMESPACE=" + container.pod->space +
                          ";K8S_POD_NAME=" + container.pod->name;
  }
  return attaching;
}

std::optional<Attaching> find_attached(const Call& call, const config::NetworkList& list) {
  const std::string& word = call.arguments.operands().at(1);
  Attaching given = by_words(call, namespace_path(word));
  if (is_known(call, list.name, given)) return given;
  auto found = find_called(call, has_id(call) ? given.container_id : word);
  const std::string ifname = choose(call, kInterfaceOption, "CNI_IFNAME", "");
  std::erase_if(found, [&](const Sighting& each) {
    const auto& key = each.attachment.key;
    return key.network != list.name || (!ifname.empty() && key.ifname != ifname);
  });
  if (found.empty() && has_id(call)) return std::nullopt;
  if (found.empty()) {
    throw cni::Error(cni::Code::kUnknownContainer,
                     "network " + list.name + " has no attachment that is called " + word,
                     "patchcord list has those that there are");
  }
  const auto attachment = require_one(std::move(found), word).attachment;
  given.container_id = attachment.key.container_id;
  given.ifname = attachment.key.ifname;
  if (!attachment.netns_path.empty()) given.netns = attachment.netns_path;
  return given;
}

KeptResult::KeptResult(const Call& call, const std::string& network, const Attaching& attaching)
    : directory_(call.state_directory + "/results"),
      name_(base::sha512_hex(network + "/" + attaching.container_id + "/" + attaching.ifname, 64)) {
}

void KeptResult::write(const std::string& document) const {
  const auto directory = base::make_directories(directory_, 0700);
  base::write_file_atomically_at(directory.get(), name_, document, 0600);
}

std::string KeptResult::read() const {
  return base::read_file(directory_ + "/" + name_, cni::kLongestOfAll).value_or("");
}

void KeptResult::remove() const {
  (void)::unlink((directory_ + "/" + name_).c_str());
}

}  // namespace tool

#include "plugin/operator/trace/own_rules.h"

#include <algorithm>

#include "plugin/ruleset/match.h"
#include "plugin/ruleset/wanted.h"

namespace tool::trace {
namespace {

using netlink::nft::Bytes;
using netlink::nft::concatenate;
using netlink::nft::interface_value;
using netlink::nft::number_value;
using netlink::nft::value_of;

std::string with_suffix(const char* name, base::Family family) {
  return name + ruleset::suffix(family);
}

std::string chain_text(const netlink::nft::Table& table, const std::string& chain) {
  return to_string(table) + " " + chain;
}

std::string element_text(const std::string& set, std::initializer_list<std::string> fields) {
  std::string text;
  for (const auto& field : fields) text += (text.empty() ? "" : " . ") + field;
  return set + " { " + text + " }";
}

std::string name_of(const netlink::Link* link) {
  return link == nullptr ? "" : link->name;
}

bool is_of_container(const netlink::Link* link) {
  return link != nullptr &&
         (link->group & attachment::kGroupMask) == attachment::kGroupOfContainers;
}

}  // namespace

std::optional<netlink::nft::FoundElement> OwnRules::find(const netlink::nft::Table& table,
                                                         const std::string& set, Key key) {
  return netlink::nft::find_element(netfilter_, table, set,
                                    key.size() == 1 ? *key.begin() : concatenate(key));
}

bool OwnRules::has(const std::string& set, Key key) {
  return find(ruleset::kTable, set, key).has_value();
}

// A chain that somebody has emptied says nothing.
bool OwnRules::chain_works(const netlink::nft::Table& table, const std::string& chain) {
  const auto found = netlink::nft::find_chain(netfilter_, table, chain);
  return found && found->use > 0;
}

std::optional<Word> OwnRules::refuse_frame(const std::string& port, const base::MacAddress& source,
                                           const Packet& packet) {
  const auto& table = ruleset::kBridgeTable;
  const std::string chain = "antispoof";
  if (!chain_works(table, chain)) return std::nullopt;
  const Bytes name = interface_value(port);
  if (find(table, "guarded_mac", {name}) && !find(table, "macs", {name, value_of(source)}))
    return Word{chain_text(table, chain), element_text("macs", {port, source.to_string()}),
                "is missing: another MAC than this port may use"};
  const std::string sources = with_suffix("sources", packet.family());
  if (!find(table, "guarded", {name}) || find(table, sources, {name, value_of(packet.source)}))
    return std::nullopt;
  return Word{chain_text(table, "antispoof_addresses"),
              element_text(sources, {port, packet.source.to_string()}),
              "is missing: another source address than this port may use"};
}

std::optional<Word> OwnRules::refuse_source(const Crossing& crossing) {
  if (crossing.in == nullptr) return std::nullopt;
  const Packet& packet = crossing.packet;
  if (packet.family() == base::Family::kIpv4 && packet.destination.is_loopback() &&
      crossing.in->name != "lo" && chain_works(ruleset::kTable, "loopback_guard"))
    return Word{chain_text(ruleset::kTable, "loopback_guard"), "127.0.0.0/8",
                "drops what comes to it from elsewhere"};
  if (!chain_works(ruleset::kTable, "antispoof")) return std::nullopt;
  const Bytes name = interface_value(crossing.in->name);
  const std::string sources = with_suffix("sources", packet.family());
  if (!has("guarded", {name}) || has(sources, {name, value_of(packet.source)})) return std::nullopt;
  return Word{chain_text(ruleset::kTable, "antispoof_addresses"),
              element_text(sources, {crossing.in->name, packet.source.to_string()}),
              "is missing: another source address than this container has"};
}

std::optional<Word> OwnRules::refuse_forward(const Crossing& crossing) {
  const std::string chain = "isolation";
  if (crossing.out == nullptr || !chain_works(ruleset::kTable, chain)) return std::nullopt;
  const auto family = crossing.packet.family();
  const Bytes source = value_of(crossing.packet.source);
  const Bytes destination = value_of(crossing.packet.destination);
  const Bytes in = interface_value(name_of(crossing.in));
  const Bytes out = interface_value(crossing.out->name);
  const Bytes group = number_value(crossing.in == nullptr ? 0 : crossing.in->group);
  if (has(with_suffix("same_bridge", family), {in, destination}) ||
      has(with_suffix("same_network", family), {group, destination}) ||
      has(with_suffix("itself", family), {out, source, destination}))
    return std::nullopt;
  const std::string isolated = with_suffix("isolated", family);
  if (!has(isolated, {out, destination})) return std::nullopt;
  if (!is_of_container(crossing.in) && !has(isolated, {in, source})) return std::nullopt;
  return Word{chain_text(ruleset::kTable, chain),
              element_text(isolated, {crossing.out->name, crossing.packet.destination.to_string()}),
              "drops what other containers send"};
}

bool OwnRules::marks_as_accepted(const Crossing& crossing, bool is_answer, bool is_translated) {
  const Packet& packet = crossing.packet;
  const std::string accepted = with_suffix("accepted", packet.family());
  if (!chain_works(ruleset::kTable, "mark_accepted")) return false;
  if (has(accepted, {value_of(packet.source)})) return true;
  return (is_answer || is_translated) && has(accepted, {value_of(packet.destination)});
}

}  // namespace tool::trace

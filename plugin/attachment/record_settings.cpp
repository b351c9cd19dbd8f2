#include "plugin/attachment/record_settings.h"

#include "plugin/attachment/record_texts.h"

namespace attachment {
namespace {

using nlohmann::json;

json write_link(const LinkSettings& link) {
  json object = json::object();
  if (link.mac) object["mac"] = link.mac->to_string();
  if (link.mtu) object["mtu"] = *link.mtu;
  if (link.promiscuous) object["promisc"] = *link.promiscuous;
  if (link.all_multicast) object["allmulti"] = *link.all_multicast;
  if (link.tx_queue_length) object["txQLen"] = *link.tx_queue_length;
  return object;
}

std::optional<unsigned> read_number(const cni::Object& object, std::string_view key) {
  const auto number = object.integer(key, 0, UINT32_MAX);
  return number ? std::optional(static_cast<unsigned>(*number)) : std::nullopt;
}

LinkSettings read_link(const cni::Object& object) {
  return {.mac = base::MacAddress::parse(object.text("mac").value_or("")),
          .mtu = read_number(object, "mtu"),
          .promiscuous = object.boolean("promisc"),
          .all_multicast = object.boolean("allmulti"),
          .tx_queue_length = read_number(object, "txQLen")};
}

json write_limit(const RateLimit& limit) {
  return {
      {"rate", limit.rate}, {"burst", limit.burst}, {"limit", limit.limit}, {"queue", limit.queue}};
}

RateLimit read_limit(const cni::Object& object) {
  return {.rate = static_cast<std::uint64_t>(object.integer("rate", 0, INT64_MAX).value_or(0)),
          .burst = read_number(object, "burst").value_or(0),
          .limit = read_number(object, "limit").value_or(0),
          .queue = read_number(object, "queue").value_or(0)};
}

json write_port(const GuardedPort& port) {
  return {
      {"host", port.host_name}, {"bridged", port.is_bridged}, {"linkLocal", port.has_link_local}};
}

GuardedPort read_port(const cni::Object& object) {
  return {.host_name = object.text("host").value_or(""),
          .is_bridged = object.boolean("bridged").value_or(false),
          .has_link_local = object.boolean("linkLocal").value_or(false)};
}

}  // namespace

json write_tuning(const Tuning& tuning) {
  json sysctls = json::array();
  for (const Sysctl& sysctl : tuning.sysctls) {
    json object = {{"path", sysctl.path}, {"value", sysctl.value}};
    if (sysctl.original) object["original"] = *sysctl.original;
    sysctls.push_back(std::move(object));
  }
  json object = {{"sysctls", std::move(sysctls)},
                 {"link", write_link(tuning.link)},
                 {"original", write_link(tuning.original)},
                 {"linkIndex", tuning.link_index}};
  if (tuning.port) object["port"] = write_port(*tuning.port);
  return object;
}

Tuning read_tuning(const cni::Object& object) {
  Tuning tuning;
  for (const cni::Object& sysctl : object.objects("sysctls")) {
    tuning.sysctls.push_back({.path = sysctl.text("path").value_or(""),
                              .value = sysctl.text("value").value_or(""),
                              .original = sysctl.text("original")});
  }
  if (const auto link = object.object("link")) tuning.link = read_link(*link);
  if (const auto original = object.object("original")) tuning.original = read_link(*original);
  tuning.link_index = static_cast<int>(object.integer("linkIndex", 0, INT32_MAX).value_or(0));
  if (const auto port = object.object("port")) tuning.port = read_port(*port);
  return tuning;
}

json write_shaping(const Shaping& shaping) {
  json object = {{"host", shaping.host_name},
                 {"hostIndex", shaping.host_index},
                 {"ifb", shaping.ifb},
                 {"mtu", shaping.mtu},
                 {"shapesSubnets", shaping.shapes_subnets},
                 {"subnets", write_texts(shaping.subnets)}};
  if (shaping.ingress) object["ingress"] = write_limit(*shaping.ingress);
  if (shaping.egress) object["egress"] = write_limit(*shaping.egress);
  return object;
}

Shaping read_shaping(const cni::Object& object) {
  Shaping shaping{
      .host_name = object.text("host").value_or(""),
      .host_index = static_cast<int>(object.integer("hostIndex", 0, INT32_MAX).value_or(0)),
      .ifb = object.text("ifb").value_or(""),
      .mtu = read_number(object, "mtu").value_or(0),
      .shapes_subnets = object.boolean("shapesSubnets").value_or(false)};
  for (const std::string& text : object.texts("subnets")) {
    if (const auto subnet = base::IpPrefix::parse(text)) shaping.subnets.push_back(*subnet);
  }
  if (const auto limit = object.object("ingress")) shaping.ingress = read_limit(*limit);
  if (const auto limit = object.object("egress")) shaping.egress = read_limit(*limit);
  return shaping;
}

}  // namespace attachment

#include "plugin/attachment/record.h"

#include "plugin/attachment/record_links.h"
#include "plugin/attachment/record_rules.h"
#include "plugin/attachment/record_settings.h"
#include "plugin/attachment/record_texts.h"
#include "plugin/cni/object.h"

namespace attachment {
namespace {

using nlohmann::json;

// Raised when an older reader would misunderstand a record, not when a member is added.
constexpr int kFormat = 1;

// In what each ADD writes, and twice, members are assigned one by one: of a list of pairs the
// library makes an array of arrays first.

json write_route(const cni::Route& route) {
  json object;
  object["dst"] = route.destination.to_string();
  if (route.gateway) object["gw"] = route.gateway->to_string();
  if (route.mtu != 0) object["mtu"] = route.mtu;
  if (route.advmss != 0) object["advmss"] = route.advmss;
  if (route.priority != 0) object["priority"] = route.priority;
  if (route.table) object["table"] = *route.table;
  if (route.scope) object["scope"] = *route.scope;
  return object;
}

json write_addresses(const std::vector<Address>& addresses) {
  json list = json::array();
  for (const Address& address : addresses) {
    json object;
    object["address"] = address.prefix.to_string();
    if (address.gateway) object["gateway"] = address.gateway->to_string();
    list.push_back(std::move(object));
  }
  return list;
}

json write_mapping(const cni::PortMapping& mapping) {
  json object;
  object["protocol"] = cni::to_string(mapping.protocol);
  object["hostPort"] = mapping.host_port;
  object["containerPort"] = mapping.container_port;
  if (mapping.host_address) object["hostIP"] = mapping.host_address->to_string();
  return object;
}

json write_host_ports(const HostPorts& ports) {
  json mappings = json::array();
  for (const auto& mapping : ports.mappings) mappings.push_back(write_mapping(mapping));
  json targets = json::array();
  for (const PortTarget& target : ports.targets) {
    targets.push_back({{"address", target.address.to_string()}, {"interface", target.interface}});
    for (const auto& condition : target.conditions)
      targets.back()["conditions"].push_back(cni::to_string(condition));
  }
  return {{"mappings", std::move(mappings)},
          {"targets", std::move(targets)},
          {"snat", ports.snat},
          {"masqAll", ports.masquerade_all}};
}

std::uint32_t read_u32(const cni::Object& object, std::string_view key) {
  return static_cast<std::uint32_t>(object.integer(key, 0, UINT32_MAX).value_or(0));
}

bool read_flag(const cni::Object& object, std::string_view key) {
  return object.boolean(key).value_or(false);
}

cni::Route read_route(const cni::Object& object) {
  cni::Route route{.destination = object.prefix("dst").value_or(base::IpPrefix()),
                   .gateway = object.address("gw"),
                   .mtu = read_u32(object, "mtu"),
                   .advmss = read_u32(object, "advmss"),
                   .priority = read_u32(object, "priority")};
  if (object.has("table")) route.table = read_u32(object, "table");
  if (const auto scope = object.integer("scope", 0, 255))
    route.scope = static_cast<std::uint8_t>(*scope);
  return route;
}

std::vector<base::IpAddress> read_addresses(const cni::Object& object, std::string_view key) {
  std::vector<base::IpAddress> addresses;
  for (const std::string& text : object.texts(key)) {
    if (const auto address = base::IpAddress::parse(text)) addresses.push_back(*address);
  }
  return addresses;
}

std::uint16_t read_port(const cni::Object& object, std::string_view key) {
  return static_cast<std::uint16_t>(object.integer(key, 0, UINT16_MAX).value_or(0));
}

// A mapping of a protocol that this version does not know is none of its own.
std::optional<cni::PortMapping> read_mapping(const cni::Object& object) {
  const auto protocol = cni::parse_protocol(object.text("protocol").value_or(""));
  if (!protocol) return std::nullopt;
  return cni::PortMapping{.protocol = *protocol,
                          .host_port = read_port(object, "hostPort"),
                          .container_port = read_port(object, "containerPort"),
                          .host_address = object.address("hostIP")};
}

HostPorts read_host_ports(const cni::Object& object) {
  HostPorts ports{.snat = object.boolean("snat").value_or(true),
                  .masquerade_all = read_flag(object, "masqAll")};
  for (const cni::Object& each : object.objects("mappings")) {
    if (const auto mapping = read_mapping(each)) ports.mappings.push_back(*mapping);
  }
  for (const cni::Object& target : object.objects("targets")) {
    const auto address = target.address("address");
    if (!address) continue;
    auto conditions = cni::parse_port_conditions(target.texts("conditions"), address->family());
    ports.targets.push_back(
        {.address = *address,
         .interface = target.text("interface").value_or(""),
         .conditions = std::move(conditions).value_or(std::vector<cni::PortCondition>{})});
  }
  return ports;
}

void read_identity(const cni::Object& object, Attachment& result) {
  result.key = {.network = object.text("network").value_or(""),
                .container_id = object.text("containerId").value_or(""),
                .ifname = object.text("ifname").value_or("")};
  const auto number = [&](std::string_view member) {
    return static_cast<std::uint64_t>(object.integer(member, 0, INT64_MAX).value_or(0));
  };
  result.netns_path = object.text("netns").value_or("");
  result.netns = {.device = number("netnsDevice"),
                  .inode = number("netnsInode"),
                  .cookie = number("netnsCookie")};
  result.seen_from = {.network = {.device = number("hostDevice"),
                                  .inode = number("hostInode"),
                                  .cookie = number("hostCookie")},
                      .mounts = number("mounts")};
}

void read_links(const cni::Object& object, Attachment& result) {
  if (const auto pair = object.object("pair")) result.pair = read_pair(*pair);
  if (const auto wire = object.object("wire")) result.wire = read_wire(*wire);
  if (const auto port = object.object("bridgePort")) result.bridge_port = read_bridge_port(*port);
  if (const auto port = object.object("routedPort"))
    result.routed_port = RoutedPort{read_addresses(*port, "nextHops")};
  if (const auto port = object.object("ptpPort"))
    result.ptp_port = PtpPort{read_addresses(*port, "gateways")};
}

Attachment read_attachment(const cni::Object& object) {
  Attachment result;
  read_identity(object, result);
  if (const auto pod = object.object("pod")) {
    result.pod = {.space = pod->text("namespace").value_or(""),
                  .name = pod->text("name").value_or("")};
  }
  if (const auto ipam = object.object("ipam")) {
    result.reservation = {.type = ipam->text("type").value_or(""),
                          .data_directory = ipam->text("dataDir").value_or(""),
                          .pools = ipam->texts("pools")};
  }
  read_links(object, result);
  read_rules(object, result);
  if (const auto tuning = object.object("tuning")) result.tuning = read_tuning(*tuning);
  if (const auto shaping = object.object("shaping")) result.shaping = read_shaping(*shaping);
  for (const cni::Object& address : object.objects("addresses")) {
    if (const auto prefix = address.prefix("address")) {
      result.addresses.push_back({.prefix = *prefix, .gateway = address.address("gateway")});
    }
  }
  for (const cni::Object& route : object.objects("routes"))
    result.routes.push_back(read_route(route));
  if (const auto routes = object.object("sourceRoutes"))
    result.source_routes = SourceRoutes{.table = read_u32(*routes, "table")};
  for (const cni::Object& timing : object.objects("timings")) {
    const auto time = timing.integer("us", 0, INT64_MAX).value_or(0);
    result.timings.push_back({.step = timing.text("step").value_or(""),
                              .microseconds = static_cast<std::uint64_t>(time)});
  }
  for (const std::string& family : object.texts("forward")) {
    result.forward.push_back(family == "IPv6" ? base::Family::kIpv6 : base::Family::kIpv4);
  }
  if (const auto ports = object.object("hostPorts")) result.host_ports = read_host_ports(*ports);
  return result;
}

// Text behind the last newline is a line that was cut short by a crash.
std::string_view last_complete_line(std::string_view text) {
  const auto end = text.rfind('\n');
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end);
  const auto begin = text.rfind('\n');
  return begin == std::string_view::npos ? text : text.substr(begin + 1);
}

json parse_or_empty(std::string_view line) {
  json parsed = json::parse(line, nullptr, false);
  return parsed.is_object() ? parsed : json::object();
}

// Whose it is, and where that is and was seen from.
void write_names(const Attachment& attachment, json& document) {
  document["network"] = attachment.key.network;
  document["containerId"] = attachment.key.container_id;
  document["ifname"] = attachment.key.ifname;
  document["netns"] = attachment.netns_path;
  document["netnsDevice"] = attachment.netns.device;
  document["netnsInode"] = attachment.netns.inode;
  document["netnsCookie"] = attachment.netns.cookie;
  document["hostDevice"] = attachment.seen_from.network.device;
  document["hostInode"] = attachment.seen_from.network.inode;
  document["hostCookie"] = attachment.seen_from.network.cookie;
  document["mounts"] = attachment.seen_from.mounts;
  if (attachment.pod)
    document["pod"] = {{"namespace", attachment.pod->space}, {"name", attachment.pod->name}};
}

}  // namespace

std::string to_record(const Attachment& attachment, std::string_view earlier) {
  json document;
  document["format"] = kFormat;
  write_names(attachment, document);
  if (attachment.reservation) {
    json& ipam = document["ipam"];
    ipam["type"] = attachment.reservation->type;
    ipam["dataDir"] = attachment.reservation->data_directory;
    if (!attachment.reservation->pools.empty()) ipam["pools"] = attachment.reservation->pools;
  }
  document["pair"] = write_pair(attachment.pair);
  if (attachment.wire != Wire{}) document["wire"] = write_wire(attachment.wire);
  if (attachment.bridge_port) document["bridgePort"] = write_bridge_port(*attachment.bridge_port);
  if (attachment.routed_port)
    document["routedPort"]["nextHops"] = write_texts(attachment.routed_port->next_hops);
  if (attachment.ptp_port)
    document["ptpPort"]["gateways"] = write_texts(attachment.ptp_port->gateways);
  write_rules(attachment, document);
  if (attachment.tuning) document["tuning"] = write_tuning(*attachment.tuning);
  if (attachment.shaping) document["shaping"] = write_shaping(*attachment.shaping);
  document["addresses"] = write_addresses(attachment.addresses);
  json& routes = document["routes"] = json::array();
  for (const cni::Route& route : attachment.routes) routes.push_back(write_route(route));
  if (attachment.source_routes && attachment.source_routes->table != 0)
    document["sourceRoutes"]["table"] = attachment.source_routes->table;
  json& forward = document["forward"] = json::array();
  for (const auto family : attachment.forward) forward.push_back(base::family_name(family));
  if (attachment.host_ports) document["hostPorts"] = write_host_ports(*attachment.host_ports);
  if (!earlier.empty()) {
    // Member by member, so that what a later version has put into one of them stays as well.
    json record = parse_or_empty(last_complete_line(earlier));
    record.merge_patch(document);
    document = std::move(record);
  }
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string with_ending(std::string line, const Wire& wire, const std::vector<Timing>& timings) {
  line.back() = ',';  // for the closing brace
  if (wire != Wire{}) {
    line += R"("wire":)";
    line += write_wire(wire).dump();
    line += ',';
  }
  line += R"("timings":[)";
  for (const Timing& timing : timings) {
    if (line.back() != '[') line += ',';
    line += R"({"step":")";
    line += timing.step;
    line += R"(","us":)";
    line += std::to_string(timing.microseconds);
    line += '}';
  }
  line += "]}";
  return line;
}

std::optional<Attachment> parse_record(std::string_view text) {
  const std::string_view line = last_complete_line(text);
  // Each ADD begins with an empty draft. The first exception of a process is a dear one: the
  // unwinder sorts its tables.
  if (line.empty()) return std::nullopt;
  try {
    const json document = cni::parse_object(line, "the record", 2 * kLongestLine);
    return read_attachment(cni::Object(document, ""));
  } catch (const std::exception&) {
    // A damaged record is as good as none: what it described is found by names.
    return std::nullopt;
  }
}

}  // namespace attachment

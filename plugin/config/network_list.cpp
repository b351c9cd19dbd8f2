#include "plugin/config/network_list.h"

#include <nlohmann/json.hpp>

#include "plugin/cni/error.h"
#include "plugin/cni/identifier.h"
#include "plugin/cni/object.h"
#include "plugin/cni/valid_attachments.h"

namespace config {
namespace {

using nlohmann::json;

ListedPlugin read_plugin(const cni::Object& object, const json& value) {
  const auto type = object.text("type");
  if (!type || type->empty()) object.reject("type", "is missing: it names the plugin's program");
  return {.type = *type, .text = value.dump()};
}

void read_plugins(const cni::Object& root, const json& document, NetworkList& list) {
  if (!root.has("plugins")) {
    list.plugins.push_back(read_plugin(root, document));
    return;
  }
  root.each("plugins", [&](const json& value, const std::string& path) {
    if (!value.is_object()) throw cni::Error(cni::Code::kInvalidConfig, path + ": is no object");
    list.plugins.push_back(read_plugin(cni::Object(value, path), value));
  });
  if (list.plugins.empty()) root.reject("plugins", "is empty: there is nothing to run");
}

// Only what the plugin says it is capable of, as libcni does it.
json offered_to(const json& plugin, const std::string& offers) {
  json given = json::object();
  if (offers.empty()) return given;
  const json all = cni::parse_object(offers, "CAP_ARGS");
  const auto capabilities = plugin.find("capabilities");
  if (capabilities == plugin.end() || !capabilities->is_object()) return given;
  for (const auto& [name, value] : all.items()) {
    const auto at = capabilities->find(name);
    if (at != capabilities->end() && at->is_boolean() && at->get<bool>()) given[name] = value;
  }
  return given;
}

json list_of(const std::vector<cni::ValidAttachment>& valid) {
  json list = json::array();
  for (const auto& each : valid) {
    json entry = json::object();
    entry["containerID"] = each.container_id;
    entry["ifname"] = each.interface;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

NetworkList parse_network_list(std::string_view text) {
  const json document = cni::parse_object(text, "the network configuration");
  const cni::Object root(document, "");
  NetworkList list;
  list.name = root.text("name").value_or("");
  if (!cni::is_identifier(list.name))
    root.reject("name", "\"" + list.name + "\" is no network's name");
  list.version = root.text("cniVersion").value_or("0.1.0");
  if (!cni::parse_version(list.version)) {
    root.reject("cniVersion",
                "\"" + list.version + "\" is none of " + cni::supported_versions_text());
  }
  list.disable_check = root.boolean("disableCheck").value_or(false);
  list.disable_gc = root.boolean("disableGC").value_or(false);
  read_plugins(root, document, list);
  return list;
}

std::vector<cni::ValidAttachment> parse_valid_attachments(std::string_view text) {
  const json document = cni::parse_object(text, "the list of valid attachments");
  const cni::Object root(document, "");
  auto valid = cni::read_valid_attachments(document);
  if (!valid) root.reject("cni.dev/valid-attachments", "is missing: nobody would be valid");
  return std::move(*valid);
}

std::string plugin_input(const NetworkList& list, const ListedPlugin& plugin,
                         const Additions& additions) {
  json document = cni::parse_object(plugin.text, "the plugin's configuration");
  document["name"] = list.name;
  document["cniVersion"] = list.version;
  json offered = offered_to(document, additions.offers);
  if (!offered.empty()) document["runtimeConfig"] = std::move(offered);
  document.erase("capabilities");
  if (!additions.previous_result.empty()) {
    document["prevResult"] =
        cni::parse_object(additions.previous_result, "the earlier result", cni::kLongestOfAll);
  }
  if (additions.valid) document["cni.dev/valid-attachments"] = list_of(*additions.valid);
  return document.dump();
}

bool is_configuration_file(std::string_view name) {
  return name.ends_with(".conf") || name.ends_with(".conflist") || name.ends_with(".json");
}

}  // namespace config

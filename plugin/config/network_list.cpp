#include "plugin/config/network_list.h"

#include <algorithm>

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

bool is_key_of_list(const std::string& key) {
  const auto& known = keys_of_list();
  return std::find(known.begin(), known.end(), key) != known.end() || key.starts_with("cni.dev/") ||
         key.find_first_of("_$/") == 0;
}

void read_further(const FurtherPlugins& further, NetworkList& list) {
  for (const std::string& text : further(list.name)) {
    const json document = cni::parse_object(text, "the plugin's configuration");
    list.plugins.push_back(read_plugin(cni::Object(document, ""), document));
  }
}

// One that has neither plugins nor a type is a list whose plugins lie beside it.
void read_plugins(const cni::Object& root, const json& document, const FurtherPlugins& further,
                  NetworkList& list) {
  const bool is_inlined = root.boolean("loadOnlyInlinedPlugins").value_or(false);
  if (!root.has("plugins") && root.has("type")) {
    list.plugins.push_back(read_plugin(root, document));
    return;
  }
  root.each("plugins", [&](const json& value, const std::string& path) {
    if (!value.is_object()) throw cni::Error(cni::Code::kInvalidConfig, path + ": is no object");
    list.plugins.push_back(read_plugin(cni::Object(value, path), value));
  });
  if (!is_inlined && further) read_further(further, list);
  if (!root.has("plugins") && list.plugins.empty())
    root.reject("type", "is missing: it names the plugin's program");
  if (list.plugins.empty()) root.reject("plugins", "is empty: there is nothing to run");
  for (const auto& [key, value] : document.items()) {
    if (!is_key_of_list(key)) list.unknown.push_back(key);
  }
}

bool is_capable(const json& plugin, const std::string& name) {
  const auto capabilities = plugin.find("capabilities");
  if (capabilities == plugin.end() || !capabilities->is_object()) return false;
  const auto at = capabilities->find(name);
  return at != capabilities->end() && at->is_boolean() && at->get<bool>();
}

// Only what the plugin says it is capable of, as libcni does it.
json offered_to(const json& plugin, const std::string& offers) {
  json given = json::object();
  if (offers.empty()) return given;
  const json all = cni::parse_object(offers, "CAP_ARGS");
  for (const auto& [name, value] : all.items()) {
    if (is_capable(plugin, name)) given[name] = value;
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

const std::vector<std::string>& keys_of_list() {
  static const std::vector<std::string> kKeys = {
      "cniVersion", "cniVersions",           "name", "disableCheck", "disableGC",
      "plugins",    "loadOnlyInlinedPlugins"};
  return kKeys;
}

std::vector<std::string> NetworkList::unclaimed(const std::string& offers) const {
  std::vector<std::string> names;
  if (offers.empty()) return names;
  const json offered = cni::parse_object(offers, "CAP_ARGS");
  for (const auto& offer : offered.items()) {
    const bool is_claimed =
        std::any_of(plugins.begin(), plugins.end(), [&](const ListedPlugin& plugin) {
          return is_capable(cni::parse_object(plugin.text, "the plugin's configuration"),
                            offer.key());
        });
    if (!is_claimed) names.push_back(offer.key());
  }
  return names;
}

NetworkList parse_network_list(std::string_view text, const FurtherPlugins& further) {
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
  read_plugins(root, document, further, list);
  return list;
}

std::vector<cni::ValidAttachment> parse_valid_attachments(std::string_view text) {
  const json document = cni::parse_object(text, "the list of valid attachments");
  const cni::Object root(document, "");
  auto valid = cni::read_valid_attachments(document);
  if (!valid) root.reject("cni.dev/valid-attachments", "is missing: nobody would be valid");
  return std::move(*valid);
}

std::string merge_offers(const std::string& first, const std::string& second) {
  json all = first.empty() ? json::object() : cni::parse_object(first, "CAP_ARGS");
  all.update(cni::parse_object(second, "CAP_ARGS"));
  return all.dump();
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

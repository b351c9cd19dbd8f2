#include "cluster/settings.h"

#include <climits>
#include <string_view>

#include <unistd.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "cluster/failure.h"

namespace cluster {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLongestFile = std::size_t{1} << 20U;
constexpr int kLongestTimeout = 60;  // seconds; ADD waits for it

std::string read_required(const std::string& path, std::string_view remedy) {
  const auto text = base::read_file(path, kLongestFile);
  if (!text) throw Failure(Kind::kFailed, path + " is missing", std::string(remedy));
  return *text;
}

std::string own_host_name() {
  std::string name(HOST_NAME_MAX + 1, '\0');
  if (::gethostname(name.data(), name.size()) != 0)
    throw base::SystemError("read", "the name of the host", errno);
  return name.substr(0, name.find('\0'));
}

// A key or certificate that is not there is said by its name, and not by what TLS makes of it.
Pem readable_file(const Json& json, const char* key) {
  const std::string path = json.value(key, "");
  if (path.empty() || ::access(path.c_str(), R_OK) == 0) return {.path = path, .text = {}};
  throw base::SystemError(std::string("read the file of \"") + key + "\",", path, errno);
}

Identity identity_in(const Json& json, const std::string& path) {
  Identity identity{.ca = readable_file(json, "ca"),
                    .certificate = readable_file(json, "cert"),
                    .key = readable_file(json, "key"),
                    .token = {}};
  if (identity.certificate.empty() != identity.key.empty())
    throw Failure(Kind::kFailed, path + ": \"cert\" and \"key\" go together, and one is missing");
  return identity;
}

std::vector<std::string> endpoints_in(const Json& json, const std::string& path) {
  auto endpoints = json.value("endpoints", std::vector<std::string>());
  for (auto& each : endpoints) {
    if (!each.starts_with("http://") && !each.starts_with("https://"))
      throw Failure(Kind::kFailed, std::string(path)
                                       .append(": endpoint \"")
                                       .append(each)
                                       .append("\" begins with neither https:// nor http://"));
    while (each.ends_with('/')) each.pop_back();
  }
  return endpoints;
}

std::chrono::milliseconds timeout_in(const Json& json, const std::string& path) {
  const double seconds = json.value("timeout", 3.0);
  if (!(seconds > 0 && seconds <= kLongestTimeout))
    throw Failure(Kind::kFailed, path + ": \"timeout\" is a number of seconds up to 60");
  return std::chrono::milliseconds(static_cast<int>(seconds * 1000));
}

Settings settings_in(const Json& json, const std::string& path) {
  Settings settings;
  settings.path = path;
  settings.node = json.value("node", "");
  if (settings.node.empty()) settings.node = own_host_name();
  require_name(settings.node, path + ": \"node\"");
  settings.cluster = json.value("cluster", "default");
  require_name(settings.cluster, path + ": \"cluster\"");
  settings.source = json.value("source", "file");
  settings.endpoints = endpoints_in(json, path);
  settings.identity = identity_in(json, path);
  settings.token_path = json.value("token", "");
  settings.kubeconfig = json.value("kubeconfig", "");
  for (const auto& each : json.value("pools", Json::array()))
    settings.pools.push_back(pool_of(each, path));
  settings.timeout = timeout_in(json, path);
  return settings;
}

}  // namespace

Settings read_settings(const std::string& path) {
  const std::string text = read_required(path, "it says which cluster this node belongs to");
  const auto document = Json::parse(text, nullptr, false);
  if (!document.is_object()) throw Failure(Kind::kFailed, path + " is no JSON object");
  try {
    return settings_in(document, path);
  } catch (const Json::exception& error) {
    throw Failure(Kind::kFailed, path + ": " + error.what());
  }
}

std::string machine_identity(const std::string& path) {
  constexpr std::size_t kDigits = 32;
  constexpr std::string_view kRemedy = "systemd-machine-id-setup makes it";
  std::string text = read_required(path, kRemedy);
  text = text.substr(0, text.find('\n'));
  if (text.size() < kDigits)
    throw Failure(Kind::kFailed, path + " has no machine id", std::string(kRemedy));
  return base::sha512_hex("patchcord " + text, kDigits);
}

}  // namespace cluster

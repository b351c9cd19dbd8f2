#include "plugin/config/tuning.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "plugin/cni/error.h"
#include "plugin/config/keys.h"

namespace config {
namespace {

using attachment::LinkSettings;

constexpr std::size_t kLongestAllowList = 1U << 20;  // bytes

bool is_below_net(std::string_view path) {
  if (!path.starts_with("net/")) return false;
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    const auto part = path.substr(0, end);
    if (part.empty() || part == "." || part == "..") return false;
    if (end == path.size()) return true;
    path.remove_prefix(end + 1);
  }
  return false;  // it ends in a slash
}

// Go's decoder, which the reference asks, takes the last of two; the reference looks for them and
// refuses. `place` is the path of the object that holds the members.
void refuse_doubles(const cni::Request& request, const std::vector<std::string>& place) {
  std::vector<std::string> path;
  std::set<std::string> seen;
  const auto visit = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    if (event != nlohmann::json::parse_event_t::key) return true;
    path.resize(static_cast<std::size_t>(depth - 1));
    const bool is_member = path == place;
    path.push_back(value.get<std::string>());
    if (!is_member) return true;
    if (!seen.insert(path.back()).second) {
      throw cni::Error(cni::Code::kInvalidConfig,
                       place.back() + "." + path.back() + ": is given twice");
    }
    return true;
  };
  [[maybe_unused]] const auto document = nlohmann::json::parse(
      request.input.data(), request.input.data() + request.input.size(), visit, false);
}

class SysctlReader {
 public:
  explicit SysctlReader(const cni::Request& request) : request_(request) {}

  /// Adds what the object has, in place of what was there before.
  void read(const cni::Object& holder, const std::vector<std::string>& place,
            std::map<std::string, std::string>& sysctls) {
    const auto* list = holder.find("sysctl");
    if (list == nullptr) return;
    if (!list->is_object()) holder.reject("sysctl", "must be an object of keys and their values");
    refuse_doubles(request_, place);
    const cni::Object object(*list, holder.path_of("sysctl"));
    std::map<std::string, std::string> given;
    for (const auto& member : list->items()) {
      const std::string path = require_allowed(object, member.key());
      const auto value = object.text(member.key());
      if (!value) object.reject(member.key(), "is null, but must be a string");
      if (!given.emplace(path, *value).second)
        object.reject(member.key(), "is the same sysctl as another key of this list");
    }
    for (auto& [path, value] : given) sysctls.insert_or_assign(path, std::move(value));
  }

 private:
  std::string require_allowed(const cni::Object& object, const std::string& key) {
    const auto path = sysctl_path(key, request_.ifname);
    if (!path) object.reject(key, "is no sysctl of a network namespace: those are below net");
    if (!is_read_) {
      if (const auto text = base::read_file(AllowList::kPath, kLongestAllowList))
        allow_list_.emplace(*text);
      is_read_ = true;
    }
    if (allow_list_ && !allow_list_->allows(key))
      object.reject(key, std::string("is not allowed by ") + AllowList::kPath);
    return *path;
  }

  const cni::Request& request_;
  bool is_read_ = false;
  std::optional<AllowList> allow_list_;
};

std::optional<unsigned> read_number(const cni::Object& object, std::string_view key,
                                    std::int64_t most) {
  const auto number = object.integer(key, 0, most);
  return number ? std::optional(static_cast<unsigned>(*number)) : std::nullopt;
}

// 0 is "leave it".
void read_mtu(const cni::Object& object, LinkSettings& link) {
  constexpr std::int64_t kMost = 65535;
  const auto bytes = read_number(object, "mtu", kMost);
  if (!bytes || *bytes == 0) return;
  if (*bytes < 68) object.reject("mtu", "is below 68, the least that IPv4 works with (RFC 791)");
  link.mtu = bytes;
}

// promisc: false is "leave it", and takes back what was said before it; allmulti has two values.
void read_flags(const cni::Object& object, LinkSettings& link) {
  if (const auto promiscuous = object.boolean("promisc"))
    link.promiscuous = *promiscuous ? promiscuous : std::nullopt;
  if (const auto all = object.boolean("allmulti")) link.all_multicast = all;
  if (const auto length = read_number(object, "txQLen", INT32_MAX)) link.tx_queue_length = length;
}

// The reference's order: the configuration, CNI_ARGS, runtimeConfig, args; each beats those before.
std::optional<base::MacAddress> find_tuning_mac(const cni::Request& request,
                                                const cni::Object& root) {
  if (const auto args = find_args(root)) {
    if (const auto mac = read_mac(*args)) return mac;
  }
  if (const auto runtime = root.object("runtimeConfig")) {
    if (const auto mac = read_mac(*runtime)) return mac;
  }
  if (const auto mac = read_mac_argument(request)) return mac;
  return read_mac(root);
}

}  // namespace

std::optional<std::string> sysctl_path(std::string_view key, std::string_view ifname) {
  std::string path(key);
  const auto separator = path.find_first_of("./");
  if (separator != std::string::npos && path[separator] == '.') {
    for (char& c : path) c = c == '.' ? '/' : c == '/' ? '.' : c;
  }
  constexpr std::string_view kToken = "IFNAME";
  if (const auto at = path.find(kToken); at != std::string::npos)
    path.replace(at, kToken.size(), ifname);
  return is_below_net(path) && path.find('\0') == std::string::npos ? std::optional(std::move(path))
                                                                    : std::nullopt;
}

Tuning read_tuning(const cni::Request& request) {
  const cni::Object root = request.config();
  const auto args = find_args(root);
  Tuning tuning;
  SysctlReader sysctls(request);
  sysctls.read(root, {"sysctl"}, tuning.sysctls);
  if (args) sysctls.read(*args, {"args", "cni", "sysctl"}, tuning.sysctls);
  read_flags(root, tuning.link);
  if (args) read_flags(*args, tuning.link);
  return tuning;
}

Tuning parse_tuning(const cni::Request& request) {
  const cni::Object root = request.config();
  cni::Arguments::parse(request.args).require_known({"IP", "MAC", "GATEWAY"});
  Tuning tuning = read_tuning(request);
  // What args say replaces the configuration's, which then need not be right.
  const auto args = find_args(root);
  if (args) read_mtu(*args, tuning.link);
  if (!args || !args->has("mtu")) read_mtu(root, tuning.link);
  tuning.link.mac = find_tuning_mac(request, root);
  return tuning;
}

}  // namespace config

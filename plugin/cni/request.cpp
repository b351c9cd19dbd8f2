#include "plugin/cni/request.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "plugin/cni/error.h"
#include "plugin/cni/identifier.h"
#include "plugin/cni/text.h"
#include "plugin/cni/valid_attachments.h"

namespace cni {
namespace {

constexpr std::string_view kConfiguration = "the network configuration on stdin";
constexpr std::array<std::string_view, 6> kCommands = {"ADD", "DEL",    "CHECK",
                                                       "GC",  "STATUS", "VERSION"};

/// Which variables a command must have, and only then are they looked at.
struct Needs {
  bool attachment = false;  // CNI_CONTAINERID and CNI_IFNAME
  bool namespace_path = false;
};

Needs needs_of(std::optional<Command> command) {
  const bool namespace_path = command == Command::kAdd || command == Command::kCheck;
  return {.attachment = namespace_path || command == Command::kDel,
          .namespace_path = namespace_path};
}

[[noreturn]] void refuse_variable(std::string_view name, const std::string& value,
                                  std::string_view defect) {
  throw Error(Code::kInvalidEnvironment,
              std::string(name) + ' ' + quote(value) + ' ' + std::string(defect));
}

// A malformed variable is reported before any that is missing, as the reference does it.
void refuse_malformed(const Request& request) {
  if (!request.container_id.empty() && !is_identifier(request.container_id)) {
    refuse_variable("CNI_CONTAINERID", request.container_id,
                    "must begin with a letter or digit and have only these, '_', '.' and '-'");
  }
  if (request.ifname.empty()) return;
  if (const auto defect = defect_of_interface_name(request.ifname); !defect.empty()) {
    refuse_variable("CNI_IFNAME", request.ifname, defect);
  }
}

void refuse_missing(const Environment& environment, const Needs& needs) {
  const std::array<std::pair<std::string_view, bool>, 4> variables = {{
      {"CNI_COMMAND", true},
      {"CNI_CONTAINERID", needs.attachment},
      {"CNI_NETNS", needs.namespace_path},
      {"CNI_IFNAME", needs.attachment},
  }};
  std::string missing;
  for (const auto& [name, needed] : variables) {
    if (!needed || !environment.get(name).empty()) continue;
    if (!missing.empty()) missing += ", ";
    missing += name;
  }
  if (missing.empty()) return;
  throw Error(Code::kInvalidEnvironment, "required environment variables are missing: " + missing);
}

bool is_set(const std::string& flag) {
  constexpr std::string_view kTrue = "true";
  return flag == "1" || std::equal(flag.begin(), flag.end(), kTrue.begin(), kTrue.end(),
                                   [](char a, char b) { return (a | 0x20) == b; });
}

void read_variables(const Environment& environment, Request& request) {
  request.container_id = environment.get("CNI_CONTAINERID");
  request.netns = environment.get("CNI_NETNS");
  request.ifname = environment.get("CNI_IFNAME");
  request.args = environment.get("CNI_ARGS");
  request.path = environment.get("CNI_PATH");
  request.allow_host_namespace = is_set(environment.get("CNI_NETNS_OVERRIDE"));
}

// The two keys that the protocol itself reads: of the wrong type they make the document
// undecodable, not invalid.
std::string protocol_text(const Object& config, std::string_view key) {
  try {
    return config.text(key).value_or("");
  } catch (const Error& error) {
    if (config.find(key)->is_string()) throw;
    throw Error(Code::kDecoding, std::string(kConfiguration) + ": " + error.what());
  }
}

std::string read_network_name(const Object& config) {
  std::string name = protocol_text(config, "name");
  if (name.empty()) {
    throw Error(Code::kInvalidConfig,
                std::string(kConfiguration) + " has no network name (\"name\")");
  }
  if (!is_identifier(name)) {
    config.reject("name",
                  quote(name) +
                      " is no network name: it must begin with a letter or digit and have only "
                      "these, '_', '.' and '-'");
  }
  return name;
}

Version read_version(const Object& config) {
  const std::string text = protocol_text(config, "cniVersion");
  if (text.empty()) return Version::k0_1_0;
  const auto version = parse_version(text);
  if (!version) {
    throw Error(
        Code::kIncompatibleVersion, "cniVersion " + quote(text) + " is not supported",
        "the configuration has " + quote(text) + "; supported are " + supported_versions_text());
  }
  return *version;
}

void require_version_of(Command command, Version version) {
  Version oldest = Version::k0_1_0;
  if (command == Command::kCheck) oldest = Version::k0_4_0;
  if (command == Command::kGc || command == Command::kStatus) oldest = Version::k1_1_0;
  if (version >= oldest) return;
  throw Error(Code::kIncompatibleVersion,
              "config version does not allow " + std::string(to_string(command)) +
                  ": its cniVersion is " + std::string(to_string(version)),
              std::string(to_string(command)) + " needs cniVersion " +
                  std::string(to_string(oldest)) + " or newer");
}

// Go decodes null into nothing at all, so that what is wrong is the name that is missing.
nlohmann::json parse_configuration(std::string_view input, std::optional<Command> command) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto begin = std::min(input.find_first_not_of(kSpace), input.size());
  const auto end = input.find_last_not_of(kSpace) + 1;
  if (input.substr(begin, end - begin) == "null") return nlohmann::json::object();
  return parse_object(input, kConfiguration,
                      command == Command::kAdd ? kLongestDocument : kLongestOfAll);
}

std::string require_text(const Object& object, std::string_view key) {
  auto text = object.text(key).value_or("");
  if (text.empty()) object.reject(key, "is missing");
  return text;
}

}  // namespace

std::string_view to_string(Command command) {
  return kCommands.at(static_cast<std::size_t>(command));
}

Environment Environment::of_process() {
  std::map<std::string, std::string, std::less<>> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    // The first of two of a name counts, as for getenv(3).
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return Environment(std::move(variables));
}

std::string Environment::get(std::string_view name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? std::string() : found->second;
}

Request::Request() : config_(std::make_unique<nlohmann::json>(nlohmann::json::object())) {}
Request::Request(Request&&) noexcept = default;
Request& Request::operator=(Request&&) noexcept = default;
Request::~Request() = default;

Object Request::config() const {
  return {*config_, ""};
}

std::optional<Result> Request::previous_result() const {
  const auto* previous = config().find("prevResult");
  if (previous == nullptr || (previous->is_object() && previous->empty())) return std::nullopt;
  Result result = parse_result(*previous, version, "prevResult");
  const auto own = parse_version(Object(*previous, "prevResult").text("cniVersion").value_or(""));
  if (own && !is_same_family(*own, version)) {
    throw Error(Code::kDecoding,
                "prevResult.cniVersion: " + std::string(to_string(*own)) +
                    " has results of another form than the configuration's cniVersion " +
                    std::string(to_string(version)));
  }
  return result;
}

std::optional<std::vector<ValidAttachment>> Request::valid_attachments() const {
  return read_valid_attachments(*config_);
}

std::optional<std::vector<ValidAttachment>> read_valid_attachments(const nlohmann::json& document) {
  for (const char* key : {"cni.dev/valid-attachments", "cni.dev/attachments"}) {
    if (!document.contains(key)) continue;
    std::vector<ValidAttachment> attachments;
    for (const Object& object : Object(document, "").objects(key)) {
      attachments.push_back({require_text(object, "containerID"), require_text(object, "ifname")});
    }
    return attachments;
  }
  return std::nullopt;
}

std::vector<base::IpAddress> addresses_in_previous_result(const Request& request) {
  std::vector<base::IpAddress> addresses;
  try {
    const auto previous = request.previous_result();
    if (!previous) return {};
    for (const auto& ip : previous->ips) {
      if (is_of_container(*previous, ip, request.ifname)) addresses.push_back(ip.address.address());
    }
  } catch (const Error&) {
    return {};
  }
  return addresses;
}

std::optional<Command> command_of(const Environment& environment) {
  const auto found = std::find(kCommands.begin(), kCommands.end(), environment.get("CNI_COMMAND"));
  if (found == kCommands.end()) return std::nullopt;
  return static_cast<Command>(found - kCommands.begin());
}

Request read_request(const Environment& environment, std::string_view input) {
  Request request;
  const auto command = command_of(environment);
  const Needs needs = needs_of(command);
  read_variables(environment, request);
  if (needs.attachment) refuse_malformed(request);
  refuse_missing(environment, needs);
  *request.config_ = parse_configuration(input, command);
  request.network = read_network_name(request.config());
  if (!command) refuse_variable("CNI_COMMAND", environment.get("CNI_COMMAND"), "is no command");
  request.version = read_version(request.config());
  require_version_of(*command, request.version);
  request.command = *command;
  request.input = input;
  request.environment = environment;
  return request;
}

Request with_network(const Request& request, const std::string& network) {
  auto document = parse_object(request.input, kConfiguration, kLongestOfAll);
  document["name"] = network;
  return read_request(request.environment, print_document(document));
}

}  // namespace cni

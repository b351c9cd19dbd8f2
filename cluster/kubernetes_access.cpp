#include "cluster/kubernetes_access.h"

#include <cstdlib>
#include <map>

#include "base/file.h"
#include "cluster/base64.h"
#include "cluster/failure.h"

namespace cluster {
namespace {

constexpr std::size_t kLongestFile = std::size_t{1} << 20U;
constexpr std::string_view kBlanks = " \t\r\n";
const std::string kAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

std::string trimmed(const std::string& text, std::string_view what = kBlanks) {
  const auto begin = text.find_first_not_of(what);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(what) - begin + 1);
}

std::string read_required(const std::string& path) {
  const auto text = base::read_file(path, kLongestFile);
  if (!text) throw Failure(Kind::kFailed, path + " is missing");
  return *text;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): there is one thread
  return value == nullptr ? "" : value;
}

// The words of a kubeconfig with one cluster and one user, as kubeadm, k3s and kubectl write it: a
// key and a value a line. Which of several is meant would take all of YAML.
class Kubeconfig {
 public:
  explicit Kubeconfig(std::string path) : path_(std::move(path)) {
    const std::string text = read_required(path_);
    for (std::size_t begin = 0; begin < text.size();) {
      const auto end = std::min(text.find('\n', begin), text.size());
      read_line(trimmed(text.substr(begin, end - begin)));
      begin = end + 1;
    }
  }

  /// Empty where it is not there. Throws Failure where it is there twice.
  [[nodiscard]] std::string value(const std::string& key) const {
    const auto count = values_.count(key);
    if (count > 1)
      throw Failure(Kind::kFailed, path_ + " has several clusters or users",
                    "kubectl config view --minify --flatten --raw makes one of it that has one");
    return count == 0 ? "" : values_.find(key)->second;
  }
  /// The text that a path leads to, or that stands there itself.
  [[nodiscard]] Pem pem(const std::string& key) const {
    const std::string data = value(key + "-data");
    if (data.empty()) return {.path = value(key), .text = {}};
    auto text = from_base64(data);
    if (!text) throw Failure(Kind::kFailed, path_ + ": " + key + "-data is no base64");
    return {.path = {}, .text = *std::move(text)};
  }

 private:
  void read_line(std::string line) {
    if (line.starts_with("- ")) line = trimmed(line.substr(2));
    const auto colon = line.find(':');
    if (line.starts_with('#') || colon == std::string::npos) return;
    const std::string text = trimmed(trimmed(line.substr(colon + 1)), "\"'");
    if (!text.empty()) values_.emplace(trimmed(line.substr(0, colon), "\"'"), text);
  }

  std::string path_;
  std::multimap<std::string, std::string> values_;
};

KubernetesAccess by_kubeconfig(const std::string& path) {
  const Kubeconfig file(path);
  KubernetesAccess access;
  access.endpoints = {file.value("server")};
  if (access.endpoints.front().empty()) throw Failure(Kind::kFailed, path + " names no server");
  access.identity = {.ca = file.pem("certificate-authority"),
                     .certificate = file.pem("client-certificate"),
                     .key = file.pem("client-key"),
                     .token = file.value("token")};
  const std::string token = file.value("tokenFile");
  if (!token.empty()) access.identity.token = trimmed(read_required(token));
  return access;
}

KubernetesAccess as_pod() {
  const std::string host = variable("KUBERNETES_SERVICE_HOST");
  const std::string port = variable("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty())
    throw Failure(Kind::kFailed, "this is no pod of Kubernetes (KUBERNETES_SERVICE_HOST)",
                  "\"kubeconfig\" in cluster.json says where its API is");
  const bool is_v6 = host.find(':') != std::string::npos;
  KubernetesAccess access;
  access.endpoints = {"https://" + (is_v6 ? "[" + host + "]" : host) + ":" + port};
  access.identity.ca.path = kAccount + "/ca.crt";
  access.identity.token = trimmed(read_required(kAccount + "/token"));
  return access;
}

}  // namespace

KubernetesAccess find_kubernetes(const Settings& settings) {
  if (!settings.kubeconfig.empty()) return by_kubeconfig(settings.kubeconfig);
  if (settings.endpoints.empty()) return as_pod();
  KubernetesAccess access{.endpoints = settings.endpoints, .identity = settings.identity};
  if (!settings.token_path.empty())
    access.identity.token = trimmed(read_required(settings.token_path));
  return access;
}

}  // namespace cluster

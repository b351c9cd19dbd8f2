#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cluster {

/// A certificate or a key: a file of it, or itself, or neither.
struct Pem {
  std::string path;
  std::string text;
  [[nodiscard]] bool empty() const noexcept { return path.empty() && text.empty(); }
};

/// With what we are known to a server, and how we know it: without `ca`, by the system's own.
struct Identity {
  Pem ca;
  Pem certificate;
  Pem key;
  std::string token;  // itself; sent as a bearer's
};

struct HttpRequest {
  std::string path;  // "/v3/kv/txn"
  std::string body;  // empty: GET
};

struct HttpResponse {
  long status = 0;
  std::string body;
};

/// Several servers of which each can answer, as the members of an etcd can. One connection, which
/// is kept as long as its server answers.
class HttpClient {
 public:
  /// `turn` says at which of them to begin, so that not all nodes begin at the first.
  HttpClient(std::vector<std::string> endpoints, const Identity& identity,
             std::chrono::milliseconds timeout, std::size_t turn);
  HttpClient(HttpClient&&) = delete;
  ~HttpClient();

  /// Asks one after the other until one answers with something else than 5xx, each for its part of
  /// the time that is left. A request may have taken effect where the answer was lost, and is then
  /// repeated: the caller has to see to that. Throws Failure, naming each of them and why, when
  /// nobody answered in time.
  [[nodiscard]] HttpResponse send(const HttpRequest& request);

  /// The server that answered last.
  [[nodiscard]] const std::string& endpoint() const noexcept { return endpoints_[current_]; }

 private:
  struct Session;
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] std::chrono::milliseconds time_left() const;
  [[nodiscard]] std::optional<HttpResponse> attempt(const HttpRequest& request,
                                                    std::chrono::milliseconds patience,
                                                    std::string& problem);

  std::vector<std::string> endpoints_;
  Clock::time_point deadline_;
  std::chrono::milliseconds timeout_;
  std::size_t current_;
  std::string remedy_;
  std::unique_ptr<Session> session_;
};

}  // namespace cluster

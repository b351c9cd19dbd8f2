// HTTP by libcurl, which checks certificates as the system's security updates have it.
#include "cluster/http.h"

#include <algorithm>
#include <array>

#include <curl/curl.h>

#include "cluster/failure.h"

namespace cluster {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kConnect{500};
constexpr std::size_t kLongestBody = std::size_t{64} << 20U;
constexpr long kServerErrors = 500;
constexpr std::size_t kLongestQuote = 200;

extern "C" std::size_t take(const char* data, std::size_t size, std::size_t count, void* body) {
  auto& text = *static_cast<std::string*>(body);
  const std::size_t bytes = size * count;
  if (text.size() + bytes > kLongestBody) return 0;  // which ends the transfer
  text.append(data, bytes);
  return bytes;
}

std::string seconds(milliseconds time) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(time.count()) / 1000);
  return text.data();
}

// Of what a server said, a line.
std::string quote(const std::string& body) {
  const std::string line = body.substr(0, std::min(body.find('\n'), kLongestQuote));
  return line.empty() ? "" : ": " + line;
}

}  // namespace

struct HttpClient::Session {
  Session() {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (handle = curl_easy_init()) == nullptr)
      throw Failure(Kind::kFailed, "libcurl cannot be used");
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    curl_easy_cleanup(handle);
    curl_slist_free_all(headers);
  }

  template <typename Value>
  void set(CURLoption option, Value value) const {
    if (curl_easy_setopt(handle, option, value) != CURLE_OK)
      throw Failure(Kind::kFailed, "libcurl lacks an option that is needed");
  }
  void set_pem(CURLoption as_path, CURLoption as_text, Pem pem) const {
    if (!pem.path.empty()) set(as_path, pem.path.c_str());
    if (pem.text.empty()) return;
    curl_blob blob{.data = pem.text.data(), .len = pem.text.size(), .flags = CURL_BLOB_COPY};
    set(as_text, &blob);
  }
  void add_header(const std::string& header) {
    headers = curl_slist_append(headers, header.c_str());
  }

  CURL* handle = nullptr;
  curl_slist* headers = nullptr;
  std::array<char, CURL_ERROR_SIZE> words{};
};

HttpClient::HttpClient(std::vector<std::string> endpoints, const Identity& identity,
                       milliseconds timeout, std::size_t turn)
    : endpoints_(std::move(endpoints)),
      deadline_(Clock::now() + timeout),
      timeout_(timeout),
      current_(endpoints_.empty() ? 0 : turn % endpoints_.size()),
      remedy_("the blocks that this node has stay in force; it can be tried again"),
      session_(std::make_unique<Session>()) {
  Session& session = *session_;
  session.set(CURLOPT_NOSIGNAL, 1L);
  session.set(CURLOPT_PROTOCOLS_STR, "http,https");
  session.set(CURLOPT_NOPROXY, "*");  // what is for the web is not for the node's own cluster
  session.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(kConnect.count()));
  session.set(CURLOPT_WRITEFUNCTION, &take);
  session.set(CURLOPT_ERRORBUFFER, session.words.data());
  if (identity.certificate.empty() && identity.token.empty())
    remedy_ += R"(; a server that asks for a certificate hangs up, and there is no "cert")";
  session.set_pem(CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB, identity.ca);
  session.set_pem(CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB, identity.certificate);
  session.set_pem(CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB, identity.key);
  session.add_header("Content-Type: application/json");
  session.add_header("Accept: application/json");
  session.add_header("Expect:");  // curl would wait for a 100 before longer bodies
  if (!identity.token.empty()) session.add_header("Authorization: Bearer " + identity.token);
  session.set(CURLOPT_HTTPHEADER, session.headers);
}

HttpClient::~HttpClient() = default;

milliseconds HttpClient::time_left() const {
  return std::max(milliseconds(0),
                  std::chrono::duration_cast<milliseconds>(deadline_ - Clock::now()));
}

std::optional<HttpResponse> HttpClient::attempt(const HttpRequest& request, milliseconds patience,
                                                std::string& problem) {
  const Session& session = *session_;
  HttpResponse response;
  const std::string url = endpoint() + request.path;
  session.set(CURLOPT_URL, url.c_str());
  session.set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::max(patience, milliseconds(1)).count()));
  session.set(CURLOPT_WRITEDATA, static_cast<void*>(&response.body));
  if (request.body.empty()) {
    session.set(CURLOPT_HTTPGET, 1L);
  } else {
    session.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    session.set(CURLOPT_COPYPOSTFIELDS, request.body.c_str());
  }
  session_->words.fill(0);
  const CURLcode code = curl_easy_perform(session.handle);
  if (code != CURLE_OK) {
    problem = session.words.front() != 0 ? session.words.data() : curl_easy_strerror(code);
    return std::nullopt;
  }
  (void)curl_easy_getinfo(session.handle, CURLINFO_RESPONSE_CODE, &response.status);
  if (response.status < kServerErrors) return response;
  problem = "HTTP " + std::to_string(response.status) + quote(response.body);
  return std::nullopt;
}

HttpResponse HttpClient::send(const HttpRequest& request) {
  if (endpoints_.empty()) throw Failure(Kind::kFailed, "cluster.json names no \"endpoints\"");
  std::string problems;
  for (std::size_t left = endpoints_.size(); left > 0; --left) {
    std::string problem;
    const auto share = time_left() / static_cast<int>(left);
    if (auto response = attempt(request, share, problem)) return *response;
    problems += (problems.empty() ? "" : "; ") + endpoint() + ": " + problem;
    if (left > 1) current_ = (current_ + 1) % endpoints_.size();
  }
  throw Failure(Kind::kFailed, "no answer within " + seconds(timeout_) + ": " + problems, remedy_);
}

}  // namespace cluster

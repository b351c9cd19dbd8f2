#include "cluster/etcd.h"

#include "cluster/base64.h"
#include "cluster/failure.h"

namespace cluster::etcd {
namespace {

using Json = nlohmann::json;

constexpr long kOk = 200;
// The gateway gives 64 bits as texts, and leaves out what is 0.
std::int64_t number_in(const Json& json, const char* name) {
  const std::string text = json.value(name, "0");
  std::size_t used = 0;
  const auto number = std::stoll(text, &used);
  return used == text.size() ? number : 0;
}

std::string text_in(const Json& json, const char* name) {
  return from_base64(json.value(name, "")).value_or("");
}

Entries entries_in(const Json& response) {
  Entries entries;
  if (!response.contains("response_range")) return entries;
  for (const auto& each : response["response_range"].value("kvs", Json::array())) {
    entries.push_back({.key = text_in(each, "key"),
                       .value = text_in(each, "value"),
                       .created = number_in(each, "create_revision"),
                       .modified = number_in(each, "mod_revision")});
  }
  return entries;
}

Outcome outcome_in(const Json& document) {
  Outcome outcome;
  outcome.is_done = document.value("succeeded", false);
  outcome.revision = number_in(document.at("header"), "revision");
  for (const auto& each : document.value("responses", Json::array()))
    outcome.read.push_back(entries_in(each));
  return outcome;
}

Json list_of(const std::vector<Operation>& operations) {
  Json list = Json::array();
  for (const auto& each : operations) list.push_back(each.form);
  return list;
}

void name_span(Json& json, const Span& span) {
  json["key"] = to_base64(span.first);
  if (!span.end.empty()) json["range_end"] = to_base64(span.end);
}

Failure refusal(const std::string& endpoint, const HttpResponse& response) {
  const auto document = Json::parse(response.body, nullptr, false);
  std::string words = document.is_object() ? document.value("error", "") : "";
  if (words.empty()) words = response.body.substr(0, response.body.find('\n'));
  return {
      Kind::kFailed,
      endpoint + " refuses with HTTP " + std::to_string(response.status) + ": " + words,
      "etcd is to know this node by its client certificate; its own authentication is not used"};
}

}  // namespace

Span key(std::string_view name) {
  return {.first = std::string(name), .end = {}};
}

Span below(std::string_view prefix) {
  std::string end(prefix);
  ++end.back();  // our keys are ASCII, whose last character is not the last byte there is
  return {.first = std::string(prefix), .end = std::move(end)};
}

Compare Compare::absent(std::string_view key) {
  return Compare{
      Json::object({{"key", to_base64(key)}, {"target", "CREATE"}, {"create_revision", "0"}})};
}

Compare Compare::unchanged(const Entry& entry) {
  return Compare{Json::object({{"key", to_base64(entry.key)},
                               {"target", "MOD"},
                               {"mod_revision", std::to_string(entry.modified)}})};
}

Compare Compare::none_newer(const Span& span, std::int64_t revision) {
  Json form = {
      {"target", "MOD"}, {"result", "LESS"}, {"mod_revision", std::to_string(revision + 1)}};
  name_span(form, span);
  return Compare{std::move(form)};
}

Compare Compare::equal(std::string_view key, std::string_view value) {
  return Compare{
      Json::object({{"key", to_base64(key)}, {"target", "VALUE"}, {"value", to_base64(value)}})};
}

Operation Operation::put(std::string_view key, std::string_view value) {
  return Operation{
      Json::object({{"request_put", {{"key", to_base64(key)}, {"value", to_base64(value)}}}})};
}

Operation Operation::remove(std::string_view key) {
  return Operation{Json::object({{"request_delete_range", {{"key", to_base64(key)}}}})};
}

Operation Operation::read(const Span& span) {
  Json range = Json::object();
  name_span(range, span);
  if (span.limit != 0) range["limit"] = std::to_string(span.limit);
  if (span.keys_only) range["keys_only"] = true;
  return Operation{Json::object({{"request_range", std::move(range)}})};
}

Outcome Client::read(const std::vector<Span>& spans) {
  std::vector<Operation> operations;
  operations.reserve(spans.size());
  for (const auto& span : spans) operations.push_back(Operation::read(span));
  return transact({}, operations);
}

Outcome Client::transact(const std::vector<Compare>& when, const std::vector<Operation>& then,
                         const std::vector<Operation>& otherwise) {
  Json request = {{"success", list_of(then)}};
  if (!otherwise.empty()) request["failure"] = list_of(otherwise);
  for (const auto& each : when) request["compare"].push_back(each.form);
  const auto response = http_.send({.path = "/v3/kv/txn", .body = request.dump()});
  if (response.status != kOk) throw refusal(endpoint(), response);
  try {
    return outcome_in(Json::parse(response.body));
  } catch (const std::exception&) {
    throw Failure(Kind::kFailed, endpoint() + " does not answer as etcd's JSON gateway does",
                  "an etcd of version 3.4 or later is needed");
  }
}

}  // namespace cluster::etcd

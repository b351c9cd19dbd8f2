#include "plugin/cni/error.h"

#include <nlohmann/json.hpp>

#include "plugin/cni/object.h"

namespace cni {

std::string to_document(const Error& error, Version version) {
  nlohmann::json document = {
      {"cniVersion", to_string(version)}, {"code", error.code()}, {"msg", error.what()}};
  if (!error.details().empty()) document["details"] = error.details();
  return print_document(document);
}

std::optional<Error> parse_error(std::string_view document) {
  try {
    const nlohmann::json parsed = parse_object(document, "");
    const Object root(parsed, "");
    const auto code = root.integer("code", 0, UINT32_MAX);
    const auto message = root.text("msg");
    if (!code && !message) return std::nullopt;
    const bool assigned = code && *code != 0;
    return Error(assigned ? static_cast<unsigned>(*code) : static_cast<unsigned>(Code::kDelegate),
                 message.value_or(""), root.text("details").value_or(""));
  } catch (const Error&) {
    // What cannot be read as an error document is none.
    return std::nullopt;
  }
}

}  // namespace cni

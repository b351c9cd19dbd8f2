#include "plugin/cni/object.h"

#include <nlohmann/json.hpp>

#include "plugin/cni/error.h"
#include "plugin/cni/text.h"

namespace cni {
namespace {

[[noreturn]] void refuse(const std::string& path, std::string_view problem) {
  throw Error(Code::kInvalidConfig, path + ": " + std::string(problem));
}

std::string expected(std::string_view what, const nlohmann::json& value) {
  return "must be " + std::string(what) + ", but is " + describe(value);
}

// What we read becomes a path, a name or a value of the kernel's, all of which end at a NUL:
// another one than was asked for would be meant.
std::string read_text(const nlohmann::json& value, const std::string& path) {
  if (!value.is_string()) refuse(path, expected("a string", value));
  const auto& text = value.get_ref<const std::string&>();
  if (text.find('\0') != std::string::npos) refuse(path, "contains a NUL");
  return text;
}

std::string path_of_element(const std::string& list, std::size_t index) {
  return list + '[' + std::to_string(index) + ']';
}

// The value within the limits; absent for numbers with a fraction, an exponent or more than 64
// bits, all of which the parser keeps as floating point.
std::optional<std::int64_t> integer_within(const nlohmann::json& value, std::int64_t least,
                                           std::int64_t most) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  const auto number = value.get<std::int64_t>();
  if (number < least || number > most) return std::nullopt;
  return number;
}

}  // namespace

std::string describe(const nlohmann::json& value) {
  switch (value.type()) {
    case nlohmann::json::value_t::string:
      return "the string " + quote(value.get_ref<const std::string&>());
    case nlohmann::json::value_t::array:
      return "a list";
    case nlohmann::json::value_t::object:
      return "an object";
    case nlohmann::json::value_t::null:
    case nlohmann::json::value_t::boolean:
      return value.dump();
    default:
      return "the number " + value.dump();
  }
}

Object::Object(const nlohmann::json& value, std::string path)
    : value_(&value), path_(std::move(path)) {
  if (!value.is_object())
    refuse(path_.empty() ? "the document" : path_, expected("an object", value));
}

std::string Object::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
}

const nlohmann::json* Object::find(std::string_view key) const {
  if (Reading::now_ != nullptr) Reading::now_->asked_[path_].emplace(key);
  const auto exact = value_->find(key);
  if (exact != value_->end() && !exact->is_null()) return &*exact;
  for (auto it = value_->begin(); it != value_->end(); ++it) {
    if (!it->is_null() && equal_in_any_case(it.key(), key)) return &*it;
  }
  return nullptr;
}

std::optional<std::string> Object::text(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  return read_text(*value, path_of(key));
}

std::optional<bool> Object::boolean(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) reject(key, expected("true or false", *value));
  return value->get<bool>();
}

std::optional<std::int64_t> Object::integer(std::string_view key, std::int64_t least,
                                            std::int64_t most) const {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = integer_within(*value, least, most);
  if (!number) {
    reject(key, expected("an integer from " + std::to_string(least) + " to " + std::to_string(most),
                         *value));
  }
  return number;
}

std::optional<Object> Object::object(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  return Object(*value, path_of(key));
}

void Object::each(
    std::string_view key,
    const std::function<void(const nlohmann::json&, const std::string&)>& visit) const {
  const auto* value = find(key);
  if (value == nullptr) return;
  if (!value->is_array()) reject(key, expected("a list", *value));
  const std::string path = path_of(key);
  for (std::size_t i = 0; i < value->size(); ++i) visit((*value)[i], path_of_element(path, i));
}

std::vector<std::string> Object::texts(std::string_view key) const {
  std::vector<std::string> list;
  each(key, [&](const nlohmann::json& element, const std::string& path) {
    list.push_back(read_text(element, path));
  });
  return list;
}

std::vector<Object> Object::objects(std::string_view key) const {
  std::vector<Object> list;
  each(key, [&](const nlohmann::json& element, const std::string& path) {
    list.emplace_back(element, path);
  });
  return list;
}

std::optional<base::IpAddress> Object::address(std::string_view key) const {
  const auto given = text(key);
  if (!given || given->empty()) return std::nullopt;
  auto address = base::IpAddress::parse(*given);
  if (!address) reject(key, quote(*given) + " is no IP address");
  return address;
}

std::optional<base::IpPrefix> Object::prefix(std::string_view key) const {
  const auto given = text(key);
  if (!given || given->empty()) return std::nullopt;
  auto prefix = base::IpPrefix::parse(*given);
  if (!prefix) reject(key, quote(*given) + " is no IP address with a prefix length");
  return prefix;
}

void Object::reject(std::string_view key, std::string_view problem) const {
  refuse(path_of(key), problem);
}

}  // namespace cni

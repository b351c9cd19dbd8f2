// portmap's conditionsV4 and conditionsV6, as far as they are about addresses and interfaces.
#include "plugin/cni/port_condition.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "base/prefix_list.h"
#include "plugin/cni/identifier.h"

namespace cni {
namespace {

using Of = PortCondition::Of;

// A brace or a comma is a word of its own.
std::vector<std::string> split(const std::vector<std::string>& texts) {
  constexpr std::string_view kSigns = "{},";
  std::vector<std::string> words;
  for (const std::string& text : texts) {
    bool in_word = false;
    for (const char c : text) {
      const bool is_sign = kSigns.find(c) != std::string_view::npos;
      const bool is_space = c == ' ' || c == '\t';
      if (!is_space && (is_sign || !in_word)) words.emplace_back();
      if (!is_space) words.back() += c;
      in_word = !is_sign && !is_space;
    }
  }
  return words;
}

class Parser {
 public:
  Parser(std::span<const std::string> words, base::Family family)
      : words_(words), family_(family) {}

  std::optional<std::vector<PortCondition>> parse() {
    std::vector<PortCondition> conditions;
    while (!words_.empty()) {
      if (skip_what_holds_anyway()) continue;
      auto condition = parse_one();
      if (!condition) return std::nullopt;
      conditions.push_back(std::move(*condition));
    }
    return conditions;
  }

 private:
  bool take(std::string_view word) {
    if (words_.empty() || words_.front() != word) return false;
    words_ = words_.subspan(1);
    return true;
  }

  bool take_all(std::initializer_list<std::string_view> phrase) {
    if (words_.size() < phrase.size() || !std::equal(phrase.begin(), phrase.end(), words_.begin()))
      return false;
    words_ = words_.subspan(phrase.size());
    return true;
  }

  bool skip_what_holds_anyway() {
    return take_all({"-m", "addrtype", "--dst-type", "LOCAL"}) ||
           take_all({"fib", "daddr", "type", "local"});
  }

  std::optional<PortCondition> parse_one() {
    PortCondition condition;
    condition.none = take("!");
    if (const auto of = take_option()) {
      condition.of = *of;
      condition.none = take("!") || condition.none;  // where older iptables had it
      return read_list(condition) ? std::optional(std::move(condition)) : std::nullopt;
    }
    const auto of = take_match();
    if (condition.none || !of) return std::nullopt;
    condition.of = *of;
    condition.none = take("!=");
    if (!condition.none) (void)take("==");
    const bool braced = take("{");
    if (!read_list(condition) || braced != take("}")) return std::nullopt;
    if (!braced && condition.prefixes.size() + condition.interfaces.size() != 1)
      return std::nullopt;
    return condition;
  }

  std::optional<Of> take_option() {
    if (take("-d") || take("--destination") || take("--dst")) return Of::kDestination;
    if (take("-s") || take("--source") || take("--src")) return Of::kSource;
    if (take("-i") || take("--in-interface")) return Of::kInterface;
    return std::nullopt;
  }

  std::optional<Of> take_match() {
    const std::string_view ip = family_ == base::Family::kIpv4 ? "ip" : "ip6";
    if (take_all({ip, "daddr"})) return Of::kDestination;
    if (take_all({ip, "saddr"})) return Of::kSource;
    if (take("iifname") || take("iif") || take_all({"meta", "iifname"})) return Of::kInterface;
    return std::nullopt;
  }

  bool read_list(PortCondition& condition) {
    do {
      if (words_.empty() || !read_value(condition, words_.front())) return false;
      words_ = words_.subspan(1);
    } while (take(","));
    condition.prefixes = base::without_overlaps(std::move(condition.prefixes));
    return true;
  }

  bool read_value(PortCondition& condition, std::string word) const {
    if (condition.of == Of::kInterface) return read_interface(condition, std::move(word));
    auto prefix = base::IpPrefix::parse(word);
    if (const auto address = base::IpAddress::parse(word)) prefix = base::IpPrefix::host(*address);
    if (!prefix || prefix->family() != family_) return false;
    condition.prefixes.push_back(prefix->network());
    return true;
  }

  static bool read_interface(PortCondition& condition, std::string word) {
    if (word.size() > 1 && word.front() == '"' && word.back() == '"')
      word = word.substr(1, word.size() - 2);
    if (!word.empty() && word.back() == '+') word.back() = '*';
    const bool is_stem = word.size() > 1 && word.back() == '*';
    const std::string name = is_stem ? word.substr(0, word.size() - 1) : word;
    if (name.find('*') != std::string::npos || !defect_of_interface_name(name).empty())
      return false;
    condition.interfaces.push_back(std::move(word));
    return true;
  }

  std::span<const std::string> words_;
  base::Family family_;
};

std::string_view name_of(const PortCondition& condition) {
  if (condition.of == Of::kInterface) return "iifname";
  const bool v4 = condition.prefixes.front().family() == base::Family::kIpv4;
  if (condition.of == Of::kSource) return v4 ? "ip saddr" : "ip6 saddr";
  return v4 ? "ip daddr" : "ip6 daddr";
}

}  // namespace

std::string to_string(const PortCondition& condition) {
  std::string list;
  for (const auto& prefix : condition.prefixes)
    list += (list.empty() ? "" : ", ") + prefix.to_string();
  for (const auto& name : condition.interfaces) list += (list.empty() ? "" : ", ") + name;
  return std::string(name_of(condition)) + (condition.none ? " != { " : " { ") + list + " }";
}

std::optional<std::vector<PortCondition>> parse_port_conditions(
    const std::vector<std::string>& words, base::Family family) {
  const auto split_words = split(words);
  return Parser(split_words, family).parse();
}

}  // namespace cni

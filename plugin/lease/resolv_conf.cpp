#include "plugin/lease/resolv_conf.h"

#include <vector>

namespace lease {
namespace {

constexpr std::string_view kSpace = " \t\r";

std::vector<std::string> split_words(std::string_view line) {
  std::vector<std::string> words;
  while (true) {
    const auto begin = line.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(kSpace), line.size());
    words.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

void take_line(std::string_view line, cni::Dns& dns) {
  if (line.empty() || line.front() == '#' || line.front() == ';') return;
  std::vector<std::string> words = split_words(line);
  if (words.size() < 2) return;
  const std::string keyword = words.front();
  words.erase(words.begin());
  if (keyword == "nameserver") {
    dns.nameservers.push_back(words.front());
  } else if (keyword == "domain") {
    dns.domain = words.front();
  } else if (keyword == "search") {
    dns.search = std::move(words);
  } else if (keyword == "options") {
    dns.options.insert(dns.options.end(), words.begin(), words.end());
  }
}

}  // namespace

cni::Dns parse_resolv_conf(std::string_view text) {
  cni::Dns dns;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    take_line(text.substr(0, end), dns);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return dns;
}

}  // namespace lease

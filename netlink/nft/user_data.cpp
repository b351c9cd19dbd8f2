// Comments of rules, elements and tables, as nft(8) stores them in user data.
#include <algorithm>

#include "netlink/nft/message.h"

namespace netlink::nft {

void append_user_data(Bytes& data, std::uint8_t type, std::span<const std::uint8_t> value) {
  data.push_back(type);
  data.push_back(static_cast<std::uint8_t>(value.size()));
  data.insert(data.end(), value.begin(), value.end());
}

void append_comment(Bytes& data, std::uint8_t type, std::string_view comment) {
  constexpr std::size_t kLongest = 127;  // nft takes no longer one (NFTNL_UDATA_COMMENT_MAXLEN)
  if (comment.empty()) return;
  Bytes text(comment.begin(),
             comment.begin() + static_cast<std::ptrdiff_t>(std::min(comment.size(), kLongest)));
  text.push_back(0);
  append_user_data(data, type, text);
}

std::string find_comment(std::span<const std::uint8_t> data, std::uint8_t type) {
  constexpr std::size_t kHeader = 2;
  while (data.size() >= kHeader) {
    const std::size_t end = kHeader + data[1];
    if (end > data.size()) return {};
    if (data[0] == type) {
      const auto value = data.subspan(kHeader, data[1]);
      const std::string text(value.begin(), value.end());
      return text.substr(0, text.find('\0'));
    }
    data = data.subspan(end);
  }
  return {};
}

}  // namespace netlink::nft

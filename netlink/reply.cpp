#include "netlink/reply.h"

#include <cerrno>
#include <cstring>
#include <limits>

#include "netlink/libnl.h"

namespace netlink {
namespace {

// The kernel sends 0 or a negative errno first, in both kinds of message.
std::optional<int> read_code(const nlmsghdr* message) {
  int negative = 0;
  if (nlmsg_datalen(message) < static_cast<int>(sizeof negative)) return std::nullopt;
  std::memcpy(&negative, nlmsg_data(message), sizeof negative);
  // The one number that has no opposite is no errno either.
  return negative == std::numeric_limits<int>::min() ? EBADMSG : -negative;
}

std::string read_text(const nlmsghdr* message, std::size_t offset) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  if (static_cast<std::size_t>(nlmsg_datalen(message)) < offset) return {};
  const libnl::Attributes<NLMSGERR_ATTR_MAX> attributes(message, offset);
  std::string text(attributes.text(NLMSGERR_ATTR_MSG));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

// The attributes come after the header of the request, or after all of it: a kernel that does not
// know NETLINK_CAP_ACK returns the whole request with an error.
std::size_t attributes_offset(const nlmsghdr* message) {
  const auto size = static_cast<std::size_t>(nlmsg_datalen(message));
  if (size < sizeof(nlmsgerr)) return size;
  if ((message->nlmsg_flags & NLM_F_CAPPED) != 0) return sizeof(nlmsgerr);
  nlmsgerr body{};
  std::memcpy(&body, nlmsg_data(message), sizeof body);
  return sizeof body.error + NLMSG_ALIGN(body.msg.nlmsg_len);
}

}  // namespace

Ack parse_acknowledgement(const nlmsghdr* message) {
  const auto code = read_code(message);
  if (!code) return {.code = EBADMSG, .text = "the kernel's acknowledgement is cut short"};
  return {.code = *code, .text = read_text(message, attributes_offset(message))};
}

Ack parse_end_of_dump(const nlmsghdr* message) {
  // Some families end a dump without a code, which is success.
  const auto code = read_code(message);
  if (!code) return {};
  return {.code = *code, .text = read_text(message, sizeof(int))};
}

}  // namespace netlink

#include "netlink/reply.h"

#include <cerrno>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include <catch2_any.h>

namespace {

/// A message as the kernel lays it out, byte by byte.
class Reply {
 public:
  Reply(std::uint16_t type, std::uint16_t flags) {
    header_.nlmsg_type = type;
    header_.nlmsg_flags = flags;
  }
  Reply& add_code(int code) { return add(&code, sizeof code); }
  /// The header of the request that is answered, which had `length` bytes, and so many of its body.
  Reply& add_request(std::size_t length, std::size_t body) {
    nlmsghdr request{};
    request.nlmsg_len = static_cast<std::uint32_t>(length);
    add(&request, sizeof request);
    bytes_.append(NLMSG_ALIGN(body), '\x55');
    return *this;
  }
  Reply& add_attribute(std::uint16_t type, std::string_view content) {
    const nlattr head = {.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + content.size()),
                         .nla_type = type};
    add(&head, sizeof head);
    bytes_.append(content);
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
    return *this;
  }
  [[nodiscard]] const nlmsghdr* message() {
    header_.nlmsg_len = static_cast<std::uint32_t>(sizeof header_ + bytes_.size());
    message_.assign(reinterpret_cast<const char*>(&header_), sizeof header_);
    message_ += bytes_;
    return reinterpret_cast<const nlmsghdr*>(message_.data());
  }

 private:
  Reply& add(const void* data, std::size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
    return *this;
  }
  nlmsghdr header_{};
  std::string bytes_;
  std::string message_;
};

constexpr std::string_view kText("Out of luck\0", 12);

}  // namespace

TEST_CASE("a bare acknowledgement is a success") {
  Reply reply(NLMSG_ERROR, NLM_F_CAPPED);
  const auto ack =
      netlink::parse_acknowledgement(reply.add_code(0).add_request(sizeof(nlmsghdr), 0).message());
  CHECK(ack.code == 0);
  CHECK(ack.text.empty());
}

TEST_CASE("an errno is turned positive, and the text follows the request's header") {
  Reply reply(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS);
  reply.add_code(-ENOTUNIQ).add_request(sizeof(nlmsghdr), 0);
  reply.add_attribute(NLMSGERR_ATTR_OFFS, "abcd").add_attribute(NLMSGERR_ATTR_MSG, kText);
  const auto ack = netlink::parse_acknowledgement(reply.message());
  CHECK(ack.code == ENOTUNIQ);
  CHECK(ack.text == "Out of luck");
}

TEST_CASE("a code that has no opposite is a bad message") {
  Reply reply(NLMSG_ERROR, NLM_F_CAPPED);
  reply.add_code(std::numeric_limits<int>::min()).add_request(sizeof(nlmsghdr), 0);
  CHECK(netlink::parse_acknowledgement(reply.message()).code == EBADMSG);
  CHECK(netlink::parse_end_of_dump(reply.message()).code == EBADMSG);
}

TEST_CASE("a capped answer has no body, whatever length the request had") {
  Reply reply(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS);
  reply.add_code(-EINVAL).add_request(400, 0).add_attribute(NLMSGERR_ATTR_MSG, kText);
  CHECK(netlink::parse_acknowledgement(reply.message()).text == "Out of luck");
}

TEST_CASE("where the whole request comes back, the text follows it") {
  const std::size_t body = GENERATE(std::size_t{0}, std::size_t{16}, std::size_t{33});
  Reply reply(NLMSG_ERROR, NLM_F_ACK_TLVS);
  reply.add_code(-EINVAL)
      .add_request(sizeof(nlmsghdr) + body, body)
      .add_attribute(NLMSGERR_ATTR_MSG, kText);
  CHECK(netlink::parse_acknowledgement(reply.message()).text == "Out of luck");
}

TEST_CASE("what looks like attributes is none without the flag that says so") {
  Reply reply(NLMSG_ERROR, NLM_F_CAPPED);
  reply.add_code(-EINVAL).add_request(sizeof(nlmsghdr), 0).add_attribute(NLMSGERR_ATTR_MSG, kText);
  CHECK(netlink::parse_acknowledgement(reply.message()).text.empty());
}

TEST_CASE("a text ends at its NUL, or without one where the attribute does, and has no line end") {
  const auto content =
      GENERATE(std::string_view("Out of luck"), std::string_view("Out of luck\n\0", 13),
               std::string_view("Out of luck\0garbage", 19));
  Reply reply(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS);
  reply.add_code(-EINVAL)
      .add_request(sizeof(nlmsghdr), 0)
      .add_attribute(NLMSGERR_ATTR_MSG, content);
  CHECK(netlink::parse_acknowledgement(reply.message()).text == "Out of luck");
}

TEST_CASE("an acknowledgement that is cut short is no success") {
  Reply reply(NLMSG_ERROR, NLM_F_ACK_TLVS);
  CHECK(netlink::parse_acknowledgement(reply.message()).code == EBADMSG);
}

TEST_CASE("an acknowledgement that claims more than it holds has its errno and no text") {
  const std::size_t claimed = GENERATE(std::size_t{17}, std::size_t{400}, std::size_t{0xffffffff});
  Reply reply(NLMSG_ERROR, NLM_F_ACK_TLVS);
  reply.add_code(-EINVAL);
  SECTION("without the request") {}
  SECTION("with the request's header") {
    reply.add_request(claimed, 0);
  }
  const auto ack = netlink::parse_acknowledgement(reply.message());
  CHECK(ack.code == EINVAL);
  CHECK(ack.text.empty());
}

TEST_CASE("a dump ends well with zero or without a code") {
  const bool with_code = GENERATE(true, false);
  Reply reply(NLMSG_DONE, NLM_F_MULTI);
  if (with_code) reply.add_code(0);
  CHECK(netlink::parse_end_of_dump(reply.message()).code == 0);
}

TEST_CASE("a dump may end in an error with a text") {
  Reply reply(NLMSG_DONE, NLM_F_MULTI | NLM_F_ACK_TLVS);
  reply.add_code(-ENOENT).add_attribute(NLMSGERR_ATTR_MSG, kText);
  const auto ack = netlink::parse_end_of_dump(reply.message());
  CHECK(ack.code == ENOENT);
  CHECK(ack.text == "Out of luck");
}

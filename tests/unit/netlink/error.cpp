#include "netlink/error.h"

#include <cerrno>

#include <catch2_any.h>

TEST_CASE("a netlink error tells operation, object, errno and the kernel's words") {
  const netlink::Error error("add route", "10.88.0.5/32", ENETUNREACH,
                             "Nexthop has invalid gateway");
  CHECK(std::string(error.what()) ==
        "add route 10.88.0.5/32: Network is unreachable (Nexthop has invalid gateway)");
  CHECK(error.operation() == "add route");
  CHECK(error.object() == "10.88.0.5/32");
  CHECK(error.code() == ENETUNREACH);
  CHECK(error.kernel_text() == "Nexthop has invalid gateway");
}

TEST_CASE("a netlink error leaves out what it does not have") {
  CHECK(std::string(netlink::Error("delete link", "v0", ENODEV, "").what()) ==
        "delete link v0: No such device");
  CHECK(std::string(netlink::Error("list links", "", EAGAIN, "").what()) ==
        "list links: Resource temporarily unavailable");
}

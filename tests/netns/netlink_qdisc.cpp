#include <cerrno>

#include <catch2_any.h>
#include <linux/pkt_sched.h>

#include "netlink/filter.h"
#include "netlink/qdisc.h"
#include "netlink_fixture.h"

namespace {

constexpr netlink::TokenBucket kBucket = {.rate = 1'000'000, .burst = 20'000, .limit = 45'000};

std::string queues_of(const FakeHost& host) {
  return host.sh("tc qdisc show dev v0");
}

}  // namespace

TEST_CASE("a token bucket is made, read back with its numbers, refused twice, and removed once") {
  Pair pair;
  pair.set_up();
  auto& socket = pair.host.socket();
  netlink::add_token_bucket(socket, pair.v0, kBucket);
  const auto found = netlink::find_qdisc(socket, pair.v0, netlink::kRootParent);
  REQUIRE(found);
  CHECK(found->kind == "tbf");
  CHECK(found->handle == netlink::kRootHandle);
  CHECK(found->rate == kBucket.rate);
  CHECK(found->buffer == netlink::ticks_of(kBucket.rate, kBucket.burst));
  CHECK(found->limit == kBucket.limit);
  CHECK(queues_of(pair.host).find("rate 8Mbit burst 20000b") != std::string::npos);
  CHECK(error_of([&] { netlink::add_token_bucket(socket, pair.v0, kBucket); }) == EEXIST);
  CHECK(netlink::remove_qdisc(socket, pair.v0.index, netlink::kRootParent, "v0"));
  CHECK_FALSE(netlink::remove_qdisc(socket, pair.v0.index, netlink::kRootParent, "v0"));
  CHECK(queues_of(pair.host).find("tbf") == std::string::npos);
}

TEST_CASE("a queue counts what goes through it") {
  Pair pair;
  pair.set_up();
  auto& socket = pair.host.socket();
  netlink::add_token_bucket(socket, pair.v0, kBucket);
  const auto before = netlink::find_qdisc(socket, pair.v0, netlink::kRootParent)->counters;
  (void)pair.host.sh("ip addr add 10.0.0.1/24 dev v0");
  (void)pair.host.sh("ping -c 3 -i 0.01 -W 0.05 -b 10.0.0.255 >/dev/null || true");
  const auto after = netlink::find_qdisc(socket, pair.v0, netlink::kRootParent)->counters;
  CHECK(after.packets >= before.packets + 3);
  CHECK(after.bytes >= before.bytes + 3 * 98);
  CHECK(after.dropped == 0);
  CHECK(after.waiting == 0);
}

TEST_CASE("rates of more than 32 bits, and bursts of too long a time, are read back as they went") {
  Pair pair;
  pair.set_up();
  auto& socket = pair.host.socket();
  const auto bucket = GENERATE(netlink::TokenBucket{10'000'000'000, 100'000'000, 200'000'000},
                               netlink::TokenBucket{4'294'967'296, 50'000'000, 60'000'000},
                               netlink::TokenBucket{UINT32_MAX, 50'000'000, 60'000'000},
                               netlink::TokenBucket{1000, 536'870'911, 536'870'936});
  CAPTURE(bucket.rate);
  netlink::add_token_bucket(socket, pair.v0, bucket);
  const auto found = netlink::find_qdisc(socket, pair.v0, netlink::kRootParent);
  REQUIRE(found);
  CHECK(found->rate == bucket.rate);
  CHECK(found->buffer == netlink::ticks_of(bucket.rate, bucket.burst));
  CHECK(found->limit == bucket.limit);
}

TEST_CASE("a bucket with segments cuts larger packets") {
  Pair pair;
  pair.set_up();
  auto bucket = kBucket;
  bucket.segment = 3028;
  netlink::add_token_bucket(pair.host.socket(), pair.v0, bucket);
  // tc shows what whole microseconds of it let through; the kernel has the size itself, too.
  CHECK(queues_of(pair.host).find("peakrate 10Gbit minburst 2500b") != std::string::npos);
  CHECK(netlink::find_qdisc(pair.host.socket(), pair.v0, netlink::kRootParent)->rate ==
        bucket.rate);
}

TEST_CASE("a class of htb is at its root, with the rate as its ceiling") {
  const bool by_default = GENERATE(true, false);
  Pair pair;
  pair.set_up();
  auto& socket = pair.host.socket();
  CHECK_FALSE(netlink::find_class(socket, pair.v0, netlink::kShapedClass));
  netlink::add_shaped_class(socket, pair.v0, kBucket, by_default);
  const auto root = netlink::find_qdisc(socket, pair.v0, netlink::kRootParent);
  REQUIRE(root);
  CHECK(root->kind == "htb");
  CHECK(root->default_class == (by_default ? 0x30U : 0U));
  const auto shaped = netlink::find_class(socket, pair.v0, netlink::kShapedClass);
  REQUIRE(shaped);
  CHECK(shaped->rate == kBucket.rate);
  CHECK(shaped->buffer == netlink::ticks_of(kBucket.rate, kBucket.burst));
  CHECK(pair.host.sh("tc class show dev v0").find("rate 8Mbit ceil 8Mbit") != std::string::npos);
  CHECK_FALSE(netlink::find_class(socket, pair.v0, netlink::kShapedClass + 1));
  CHECK(error_of([&] { netlink::add_shaped_class(socket, pair.v0, kBucket, by_default); }) ==
        EEXIST);
}

TEST_CASE("the leaf behind a shaper is fq_codel, or a queue of that many bytes") {
  Pair pair;
  pair.set_up();
  auto& socket = pair.host.socket();
  netlink::add_token_bucket(socket, pair.v0, kBucket);
  const netlink::Leaf leaf{
      .parent = netlink::kRootHandle + 1, .bytes = 25'000, .packet = 1514, .rate = kBucket.rate};
  netlink::add_leaf(socket, pair.v0, leaf);
  const auto found = netlink::find_qdisc(socket, pair.v0, leaf.parent);
  REQUIRE(found);
  CHECK(found->handle == netlink::kLeafHandle);
  const std::string shown = queues_of(pair.host);
  if (found->kind == "fq_codel") {
    CHECK(shown.find("limit 16p") != std::string::npos);
    CHECK(shown.find("target 5ms interval 100ms") != std::string::npos);
  } else {
    CHECK(found->kind == "bfifo");
    CHECK(shown.find("bfifo 10: parent 1:1 limit 25000b") != std::string::npos);
  }
  CHECK(error_of([&] { netlink::add_leaf(socket, pair.v0, leaf); }) == EEXIST);
  // With the shaper goes what is behind it.
  CHECK(netlink::remove_qdisc(socket, pair.v0.index, netlink::kRootParent, "v0"));
  CHECK(queues_of(pair.host).find(found->kind) == std::string::npos);
}

TEST_CASE("an ingress queue is made, found, refused twice, and removed once, beside the root's") {
  Pair pair;
  pair.set_up();
  auto& socket = pair.host.socket();
  CHECK_FALSE(netlink::find_qdisc(socket, pair.v0, netlink::kIngressParent));
  netlink::add_ingress(socket, pair.v0);
  const auto found = netlink::find_qdisc(socket, pair.v0, netlink::kIngressParent);
  REQUIRE(found);
  CHECK(found->kind == "ingress");
  CHECK(found->handle == netlink::kIngressHandle);
  CHECK(error_of([&] { netlink::add_ingress(socket, pair.v0); }) == EEXIST);
  netlink::add_token_bucket(socket, pair.v0, kBucket);
  CHECK(netlink::remove_qdisc(socket, pair.v0.index, netlink::kIngressParent, "v0"));
  CHECK_FALSE(netlink::remove_qdisc(socket, pair.v0.index, netlink::kIngressParent, "v0"));
  CHECK(netlink::find_qdisc(socket, pair.v0, netlink::kRootParent)->kind == "tbf");
}

TEST_CASE("the queue that a link has by itself is none that can be removed") {
  Pair pair;
  if (GENERATE(true, false)) pair.set_up();
  const auto found = netlink::find_qdisc(pair.host.socket(), pair.v0, netlink::kRootParent);
  CHECK((!found || found->handle != netlink::kRootHandle));
  CHECK_FALSE(netlink::remove_qdisc(pair.host.socket(), pair.v0.index, netlink::kRootParent, "v0"));
}

TEST_CASE("a link that is gone takes no queue, and has none to remove") {
  Pair pair;
  pair.host.sh("ip link del v0");
  auto& socket = pair.host.socket();
  CHECK(error_of([&] { netlink::add_token_bucket(socket, pair.v0, kBucket); }) == ENODEV);
  CHECK(error_of([&] { netlink::add_ingress(socket, pair.v0); }) == ENODEV);
  CHECK(error_of([&] { netlink::add_shaped_class(socket, pair.v0, kBucket, true); }) == ENODEV);
  CHECK_FALSE(netlink::remove_qdisc(socket, pair.v0.index, netlink::kRootParent, "v0"));
  CHECK_FALSE(netlink::remove_qdisc(socket, pair.v0.index, netlink::kIngressParent, "v0"));
}

#pragma once

#include <string_view>

#include "base/ip_prefix.h"
#include "base/mac_address.h"
#include "fake_host.h"

/// A host with a veth pair into one container, both ends down: v0 here, eth0 there.
struct Pair {
  Pair();

  FakeHost host;
  FakeContainer& pod;
  netlink::Link v0;
  netlink::Link eth0;

  void set_up();
};

/// Throw for text that is not well-formed.
base::IpAddress address(std::string_view text);
base::IpPrefix prefix(std::string_view text);
base::MacAddress mac(std::string_view text);

/// The code of the netlink::Error that `act` throws; 0 where it throws none.
template <class Act>
int error_of(Act act) {
  try {
    act();
  } catch (const netlink::Error& error) {
    return error.code();
  }
  return 0;
}

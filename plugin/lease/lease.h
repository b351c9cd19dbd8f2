#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/rollback.h"
#include "ipam/store.h"
#include "plugin/attachment/attachment.h"
#include "plugin/cni/request.h"
#include "plugin/cni/result.h"
#include "plugin/config/network.h"

/// Addresses from IPAM, whether that is ours or a binary, for the length of an attachment's life.
namespace lease {

struct Lease {
  std::vector<cni::IpConfig> ips;
  std::vector<cni::Route> routes;
  cni::Dns dns;
  std::vector<base::IpPrefix> pool_cidrs{};  // of the pools that gave of them, if asked for
};

/// Where an allocation takes place.
struct Ground {
  const std::string& state_directory;
  std::function<void(const std::string&)> report;
  /// Asked once where no address is free: frees what provably dead containers hold, and says
  /// whether there was any. May be empty.
  std::function<bool()> make_room{};
  /// The bridge that the container is going to be on, and the VLAN of it that it is in, "br0" or
  /// "br0:100": no other network of ours has its addresses there. Empty for none.
  std::string segment{};
  bool masquerades = false;  // whether the CIDRs of pools are asked for
};

/// What a record has to say of the reservation before it is made.
[[nodiscard]] std::optional<attachment::Reservation> reservation_of(const config::Ipam& ipam);
/// The same of a configuration that need not be valid.
[[nodiscard]] attachment::Reservation reservation_of(const config::IpamPlace& place);

/// Whether a program that is not ours gives the addresses.
[[nodiscard]] bool is_of_program(const config::Ipam& ipam);
/// The same of what a record says, or, without one, the request's configuration.
[[nodiscard]] bool is_of_program(const cni::Request& request,
                                 const std::optional<attachment::Reservation>& reservation);

/// Throws where acquire() could not even begin: a delegate, a file, or a fixed address that is
/// missing.
void require(const cni::Request& request, const config::Ipam& ipam);

/// Takes the addresses; the undo gives them back, and leaves the files of our own allocator as they
/// were. No `ipam.type` gives an empty lease. Throws cni::Error: kExhausted, kConflict,
/// kTryAgainLater, kFile, or what a delegate said.
[[nodiscard]] Lease acquire(const cni::Request& request, const config::Ipam& ipam,
                            const Ground& ground, base::Rollback& undo);

/// Frees what the attachment holds. `reservation` is what the record says, or absent without a
/// record: then the request's configuration tells. Nothing held is success.
void release(const cni::Request& request, const std::optional<attachment::Reservation>& reservation,
             const std::string& state_directory);

/// Throws where acquire() could not succeed whatever containers go: what require() throws;
/// base::SystemError for our own allocator; what a delegate's STATUS says. That no address is free
/// just now is reported. Waits for locks and delegates some seconds and no more, and reserves
/// nothing; what acquire() would reclaim counts as free, and is.
void require_ready(const cni::Request& request, const config::Ipam& ipam, const Ground& ground);

/// Who holds addresses of the request's network with our own allocator, each once.
[[nodiscard]] std::vector<ipam::Owner> find_holders(const cni::Request& request,
                                                    const attachment::Reservation& reservation,
                                                    const std::string& state_directory);

/// Frees what these hold, whatever becomes of one of them; throws the last failure.
void release_holders(const cni::Request& request, const attachment::Reservation& reservation,
                     const std::vector<ipam::Owner>& holders, const std::string& state_directory);

/// What is wrong with the request's reservations of these addresses, each a sentence.
[[nodiscard]] std::vector<std::string> check_reservations(
    const cni::Request& request, const attachment::Reservation& reservation,
    const std::vector<base::IpAddress>& addresses, const std::string& state_directory);

/// The addresses that our own allocator holds for the request's attachment.
[[nodiscard]] std::vector<base::IpAddress> find_reservations(
    const cni::Request& request, const attachment::Reservation& reservation,
    const std::string& state_directory);

/// The addresses that our own allocator holds for other interfaces of the request's container.
/// Reads every reservation of the network.
[[nodiscard]] std::vector<base::IpAddress> find_reservations_of_others(
    const cni::Request& request, const attachment::Reservation& reservation,
    const std::string& state_directory);

/// The directories of those reservations, for messages.
[[nodiscard]] std::string describe_places(const cni::Request& request,
                                          const attachment::Reservation& reservation);

/// Frees what the request's attachment holds with our own allocator.
void release_reservations(const cni::Request& request, const attachment::Reservation& reservation,
                          const std::string& state_directory);

/// What is wrong with the reservations of this attachment, each a sentence; a delegate's CHECK may
/// throw its own error.
[[nodiscard]] std::vector<std::string> check(const cni::Request& request,
                                             const attachment::Attachment& attachment,
                                             const std::string& state_directory);

}  // namespace lease

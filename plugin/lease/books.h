#pragma once

#include <string>
#include <vector>

#include "ipam/blocks.h"
#include "ipam/host_local_store.h"
#include "plugin/attachment/attachment.h"
#include "plugin/cni/request.h"

/// Where our own allocator writes down who has which address.
namespace lease {

constexpr std::chrono::seconds kLockPatience{30};
/// Runtimes ask for the status again and again, and set no limit of their own.
constexpr std::chrono::seconds kStatusPatience{5};

/// The reservations of a network's ranges, or those of a pool, and whose the request's are in it.
struct Book {
  ipam::HostLocalPlace place;
  ipam::Owner owner;
  bool is_pool = false;  // shared by networks
};

[[nodiscard]] ipam::HostLocalPlace place_of_pool(const ipam::PoolPlace& pool,
                                                 const std::string& state_directory);
[[nodiscard]] Book book_of_network(const cni::Request& request, const std::string& data_directory,
                                   const std::string& state_directory);
[[nodiscard]] Book book_of_pool(const cni::Request& request, const ipam::PoolPlace& pool,
                                const std::string& state_directory);
/// Those in which an attachment of the request's network may have addresses.
[[nodiscard]] std::vector<Book> books_of(const cni::Request& request,
                                         const attachment::Reservation& reservation,
                                         const std::string& state_directory);

}  // namespace lease

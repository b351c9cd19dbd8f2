#include "plugin/lease/books.h"

#include <algorithm>
#include <exception>

#include "base/digest.h"
#include "ipam/allocator.h"
#include "plugin/lease/lease.h"

namespace lease {
namespace {

ipam::HostLocalPlace place_of(const std::string& directory, const std::string& state_directory) {
  return {.directory = directory,
          .index = state_directory + "/ipam/" + base::sha512_hex(directory, 32)};
}

std::unique_ptr<ipam::Store> find_store(const Book& book) {
  return ipam::find_host_local_store(book.place, kLockPatience);
}

// What is wrong with one reservation; empty where nothing is. An entry of the old form is of every
// interface of its container.
std::string defect_of_reservation(const std::optional<ipam::Owner>& holder,
                                  const ipam::Owner& owner, const std::string& name) {
  if (!holder) return "the reservation of " + name + " is missing";
  if (*holder == owner) return "";
  if (holder->container_id == owner.container_id && holder->interface.empty()) return "";
  return "the reservation of " + name + " belongs to container " + holder->container_id +
         ", interface " + holder->interface;
}

std::string describe(const std::vector<Book>& books) {
  std::string places;
  for (const auto& book : books) places += (places.empty() ? "" : " or ") + book.place.directory;
  return places;
}

std::string defect_in(const std::vector<Book>& books, const base::IpAddress& address) {
  for (const auto& book : books) {
    const auto store = find_store(book);
    const auto holder = store ? store->holder_of(address) : std::nullopt;
    if (holder)
      return defect_of_reservation(holder, book.owner,
                                   address.to_string() + " in " + book.place.directory);
  }
  return "the reservation of " + address.to_string() + " in " + describe(books) + " is missing";
}

// The holder as who asks for the network's knows him; in a pool are others', too.
std::optional<ipam::Owner> as_of_network(const Book& book, ipam::Owner holder) {
  if (holder.network != book.owner.network) return std::nullopt;
  holder.network.clear();
  return holder;
}

}  // namespace

ipam::HostLocalPlace place_of_pool(const ipam::PoolPlace& pool,
                                   const std::string& state_directory) {
  return place_of(pool.addresses(), state_directory);
}

Book book_of_network(const cni::Request& request, const std::string& data_directory,
                     const std::string& state_directory) {
  return {.place = place_of(data_directory + "/" + request.network, state_directory),
          .owner = {.container_id = request.container_id, .interface = request.ifname}};
}

Book book_of_pool(const cni::Request& request, const ipam::PoolPlace& pool,
                  const std::string& state_directory) {
  return {.place = place_of_pool(pool, state_directory),
          .owner = {.container_id = request.container_id,
                    .interface = request.ifname,
                    .network = request.network},
          .is_pool = true};
}

std::vector<Book> books_of(const cni::Request& request, const attachment::Reservation& reservation,
                           const std::string& state_directory) {
  std::vector<Book> books;
  if (!reservation.data_directory.empty())
    books.push_back(book_of_network(request, reservation.data_directory, state_directory));
  for (const auto& pool : reservation.pools)
    books.push_back(book_of_pool(request, {pool}, state_directory));
  return books;
}

std::string describe_places(const cni::Request& request,
                            const attachment::Reservation& reservation) {
  return describe(books_of(request, reservation, ""));
}

namespace {

/// Of those that are there.
template <typename Visit>
void for_each_store(const cni::Request& request, const attachment::Reservation& reservation,
                    const std::string& state_directory, const Visit& visit) {
  for (const auto& book : books_of(request, reservation, state_directory)) {
    if (const auto store = find_store(book)) visit(book, *store);
  }
}

}  // namespace

std::vector<std::string> check_reservations(const cni::Request& request,
                                            const attachment::Reservation& reservation,
                                            const std::vector<base::IpAddress>& addresses,
                                            const std::string& state_directory) {
  const auto books = books_of(request, reservation, state_directory);
  std::vector<std::string> findings;
  for (const auto& address : addresses) {
    auto defect = defect_in(books, address);
    if (!defect.empty()) findings.push_back(std::move(defect));
  }
  return findings;
}

std::vector<base::IpAddress> find_reservations(const cni::Request& request,
                                               const attachment::Reservation& reservation,
                                               const std::string& state_directory) {
  std::vector<base::IpAddress> addresses;
  for_each_store(request, reservation, state_directory, [&](const Book& book, auto& store) {
    const auto held = store.held_by(book.owner);
    addresses.insert(addresses.end(), held.begin(), held.end());
  });
  return addresses;
}

std::vector<base::IpAddress> find_reservations_of_others(const cni::Request& request,
                                                         const attachment::Reservation& reservation,
                                                         const std::string& state_directory) {
  std::vector<base::IpAddress> addresses;
  for_each_store(request, reservation, state_directory, [&](const Book&, auto& store) {
    for (const auto& holder : store.owners()) {
      const bool is_other = holder.container_id == request.container_id &&
                            !holder.interface.empty() && holder.interface != request.ifname;
      if (!is_other) continue;
      const auto held = store.held_by(holder);
      addresses.insert(addresses.end(), held.begin(), held.end());
    }
  });
  return addresses;
}

std::vector<ipam::Owner> find_holders(const cni::Request& request,
                                      const attachment::Reservation& reservation,
                                      const std::string& state_directory) {
  std::vector<ipam::Owner> holders;
  for_each_store(request, reservation, state_directory, [&](const Book& book, auto& store) {
    for (auto& owner : store.owners()) {
      if (auto holder = as_of_network(book, std::move(owner))) holders.push_back(*holder);
    }
  });
  std::sort(holders.begin(), holders.end());
  holders.erase(std::unique(holders.begin(), holders.end()), holders.end());
  return holders;
}

void release_holders(const cni::Request& request, const attachment::Reservation& reservation,
                     const std::vector<ipam::Owner>& holders, const std::string& state_directory) {
  if (holders.empty()) return;
  std::exception_ptr failure;
  for_each_store(request, reservation, state_directory, [&](const Book& book, auto& store) {
    for (auto holder : holders) {
      try {
        holder.network = book.owner.network;
        ipam::release(store, holder);
      } catch (const std::exception&) {
        failure = std::current_exception();
      }
    }
  });
  if (failure) std::rethrow_exception(failure);
}

void release_reservations(const cni::Request& request, const attachment::Reservation& reservation,
                          const std::string& state_directory) {
  for_each_store(request, reservation, state_directory,
                 [](const Book& book, auto& store) { ipam::release(store, book.owner); });
}

}  // namespace lease

#include "netlink/nft/query.h"

#include <cerrno>

#include "netlink/nft/message.h"

namespace netlink::nft {
namespace {

using libnl::Attributes;
using libnl::Nest;

Bytes copy(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

std::uint32_t read_number(const Attributes<NFTA_CHAIN_MAX>& attributes, int type) {
  return ntohl(attributes.number<std::uint32_t>(type).value_or(0));
}

Bytes read_value(const nlattr* attribute) {
  return copy(Attributes<NFTA_DATA_MAX>(attribute).bytes(NFTA_DATA_VALUE));
}

FoundElement read_element(const nlattr* nest) {
  const Attributes<NFTA_SET_ELEM_MAX> element(nest);
  return {.key = read_value(element[NFTA_SET_ELEM_KEY]),
          .data = read_value(element[NFTA_SET_ELEM_DATA]),
          .comment = find_comment(element.bytes(NFTA_SET_ELEM_USERDATA), 0)};
}

// Passes on each element of a message.
template <class Take>
void read_elements(const nlmsghdr* message, Take take) {
  const Attributes<NFTA_SET_ELEM_LIST_MAX> list(message, sizeof(nfgenmsg));
  const nlattr* elements = list[NFTA_SET_ELEM_LIST_ELEMENTS];
  if (elements == nullptr) return;
  int rest = nla_len(elements);
  for (auto* at = static_cast<nlattr*>(nla_data(elements)); nla_ok(at, rest) != 0;
       at = nla_next(at, &rest)) {
    take(read_element(at));
  }
}

// Absent for a chain that is only jumped to.

Message ask_for_elements(const Table& table, const std::string& set) {
  Message request = make_request(NFT_MSG_GETSETELEM, 0, table.family);
  libnl::put(request.get(), NFTA_SET_ELEM_LIST_TABLE, std::string_view(table.name));
  libnl::put(request.get(), NFTA_SET_ELEM_LIST_SET, std::string_view(set));
  return request;
}

}  // namespace

std::uint32_t generation(Socket& socket) {
  const Message request = make_request(NFT_MSG_GETGEN, 0, TableFamily::kInet);
  const What what{"ask for", "the generation of the nftables rules"};
  std::uint32_t number = 0;
  const auto read = [&](const nlmsghdr* message) {
    const Attributes<NFTA_GEN_MAX> attributes(message, sizeof(nfgenmsg));
    number = ntohl(attributes.number<std::uint32_t>(NFTA_GEN_ID).value_or(0));
  };
  (void)socket.try_query(request.get(), read, what, {});
  return number;
}

bool has_table(Socket& socket, const Table& table) {
  const Message request = make_request(NFT_MSG_GETTABLE, 0, table.family);
  libnl::put(request.get(), NFTA_TABLE_NAME, std::string_view(table.name));
  return socket.try_query(request.get(), [](const nlmsghdr* /*message*/) {},
                          {"look up table", to_string(table)}, {ENOENT});
}

std::optional<FoundChain> find_chain(Socket& socket, const Table& table, const std::string& chain) {
  const Message request = make_request(NFT_MSG_GETCHAIN, 0, table.family);
  libnl::put(request.get(), NFTA_CHAIN_TABLE, std::string_view(table.name));
  libnl::put(request.get(), NFTA_CHAIN_NAME, std::string_view(chain));
  FoundChain found;
  const bool is_there =
      socket.try_query(request.get(),
                       [&](const nlmsghdr* message) {
                         const Attributes<NFTA_CHAIN_MAX> attributes(message, sizeof(nfgenmsg));
                         found.use = read_number(attributes, NFTA_CHAIN_USE);
                         found.drops = attributes[NFTA_CHAIN_POLICY] != nullptr &&
                                       read_number(attributes, NFTA_CHAIN_POLICY) == NF_DROP;
                       },
                       {"look up chain", to_string(table) + " " + chain}, {ENOENT});
  return is_there ? std::optional(found) : std::nullopt;
}

std::optional<FoundElement> find_element(Socket& socket, const Table& table, const std::string& set,
                                         const Bytes& key) {
  const Message request = ask_for_elements(table, set);
  {
    const Nest list(request.get(), NFTA_SET_ELEM_LIST_ELEMENTS);
    const Nest element(request.get(), NFTA_LIST_ELEM);
    put_value(request.get(), NFTA_SET_ELEM_KEY, key);
  }
  std::optional<FoundElement> found;
  (void)socket.try_query(request.get(),
                         [&](const nlmsghdr* message) {
                           read_elements(message,
                                         [&](FoundElement element) { found = std::move(element); });
                         },
                         {"look up element of", to_string(table) + " " + set}, {ENOENT});
  return found;
}

std::vector<FoundSet> sets_of(Socket& socket, const Table& table) {
  const Message request = make_request(NFT_MSG_GETSET, 0, table.family);
  libnl::put(request.get(), NFTA_SET_TABLE, std::string_view(table.name));
  std::vector<FoundSet> sets;
  try {
    socket.dump(
        request.get(),
        [&](const nlmsghdr* message) {
          const Attributes<NFTA_SET_MAX> set(message, sizeof(nfgenmsg));
          const auto flags = ntohl(set.number<std::uint32_t>(NFTA_SET_FLAGS).value_or(0));
          if ((flags & NFT_SET_ANONYMOUS) != 0) return;
          sets.push_back(
              {.name = std::string(set.text(NFTA_SET_NAME)),
               .key_length = ntohl(set.number<std::uint32_t>(NFTA_SET_KEY_LEN).value_or(0))});
        },
        [&] { sets.clear(); }, {"list sets of", to_string(table)});
  } catch (const Error& error) {
    if (error.code() != ENOENT) throw;
  }
  return sets;
}

std::vector<FoundElement> elements_of(Socket& socket, const Table& table, const std::string& set) {
  const Message request = ask_for_elements(table, set);
  std::vector<FoundElement> elements;
  try {
    socket.dump(
        request.get(),
        [&](const nlmsghdr* message) {
          read_elements(message,
                        [&](FoundElement element) { elements.push_back(std::move(element)); });
        },
        [&] { elements.clear(); }, {"list elements of", to_string(table) + " " + set});
  } catch (const Error& error) {
    if (error.code() != ENOENT) throw;
  }
  return elements;
}

}  // namespace netlink::nft

#include "netlink/nft/base_chains.h"

#include <algorithm>

#include "netlink/nft/message.h"

namespace netlink::nft {
namespace {

using libnl::Attributes;

void add_devices(const Attributes<NFTA_HOOK_MAX>& hook, BaseChain& chain) {
  if (hook[NFTA_HOOK_DEV] != nullptr) chain.devices.emplace_back(hook.text(NFTA_HOOK_DEV));
  if (hook[NFTA_HOOK_DEVS] == nullptr) return;
  int rest = nla_len(hook[NFTA_HOOK_DEVS]);
  for (auto* at = static_cast<nlattr*>(nla_data(hook[NFTA_HOOK_DEVS])); nla_ok(at, rest) != 0;
       at = nla_next(at, &rest)) {
    chain.devices.emplace_back(nla_get_string(at));
  }
}

void read_chain(const nlmsghdr* message, std::vector<BaseChain>& chains) {
  const auto* header = static_cast<const nfgenmsg*>(nlmsg_data(message));
  const Attributes<NFTA_CHAIN_MAX> attributes(message, sizeof *header);
  if (attributes[NFTA_CHAIN_HOOK] == nullptr) return;
  const Attributes<NFTA_HOOK_MAX> hook(attributes[NFTA_CHAIN_HOOK]);
  BaseChain chain{.table = {.family = static_cast<TableFamily>(header->nfgen_family),
                            .name = std::string(attributes.text(NFTA_CHAIN_TABLE))},
                  .name = std::string(attributes.text(NFTA_CHAIN_NAME)),
                  .hook = {.type = std::string(attributes.text(NFTA_CHAIN_TYPE)),
                           .number = number_of(hook, NFTA_HOOK_HOOKNUM),
                           .priority = static_cast<int>(number_of(hook, NFTA_HOOK_PRIORITY))},
                  .drops = attributes[NFTA_CHAIN_POLICY] != nullptr &&
                           number_of(attributes, NFTA_CHAIN_POLICY) == NF_DROP,
                  .rules = number_of(attributes, NFTA_CHAIN_USE)};
  add_devices(hook, chain);
  chains.push_back(std::move(chain));
}

}  // namespace

std::vector<BaseChain> base_chains(Socket& socket) {
  const Message request = make_request(NFT_MSG_GETCHAIN, 0, TableFamily{NFPROTO_UNSPEC});
  std::vector<BaseChain> chains;
  socket.dump(
      request.get(), [&](const nlmsghdr* message) { read_chain(message, chains); },
      [&] { chains.clear(); }, {"list", "chains of nftables"});
  std::stable_sort(chains.begin(), chains.end(), [](const auto& left, const auto& right) {
    return left.hook.priority < right.hook.priority;
  });
  return chains;
}

std::string to_string(const BaseChain& chain) {
  return to_string(chain.table) + " " + chain.name;
}

}  // namespace netlink::nft

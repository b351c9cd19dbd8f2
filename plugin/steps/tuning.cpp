// Sysctls and link settings of a container's interface, and what they were before.
#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/error.h"
#include "netlink/neighbour.h"
#include "netlink/sysctl.h"
#include "plugin/cni/error.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

// Settings of the container's namespace and of its interface. Originals are in the record before
// anything is changed, and are put back by DEL while the same namespace, with the same interface,
// is still there: the plugin that made the interface, or its user, may go on with it.

namespace steps {
namespace {

using attachment::Attachment;
using attachment::LinkSettings;
using attachment::Sysctl;
using netlink::Link;
using netlink::Namespace;

// What the kernel says of a sysctl without a value to be told: one that may be written only, one
// that nobody has set so far (net/ipv6/conf/all/stable_secret), one of which a read makes no sense.
bool means_no_value(int code) {
  return code == EACCES || code == EIO || code == EINVAL;
}

// Any other refusal is the system's, short of memory or descriptors: an original that was not read
// for that could not be put back.
std::optional<std::string> read_if_readable(const std::string& path) {
  try {
    return netlink::read_sysctl(path);
  } catch (const base::SystemError& error) {
    if (!means_no_value(error.code())) throw;
    return std::nullopt;
  }
}

LinkSettings settings_of(const Link& link) {
  return {.mac = link.mac,
          .mtu = link.mtu,
          .promiscuous = link.is_promiscuous(),
          .all_multicast = link.takes_all_multicast(),
          .tx_queue_length = link.tx_queue_length};
}

// Of `all`, what `wanted` names and has in another way.
LinkSettings others_of(const LinkSettings& wanted, const LinkSettings& all) {
  const auto differing = [](const auto& left, const auto& right) {
    return left && left != right ? right : std::decay_t<decltype(right)>();
  };
  return {.mac = differing(wanted.mac, all.mac),
          .mtu = differing(wanted.mtu, all.mtu),
          .promiscuous = differing(wanted.promiscuous, all.promiscuous),
          .all_multicast = differing(wanted.all_multicast, all.all_multicast),
          .tx_queue_length = differing(wanted.tx_queue_length, all.tx_queue_length)};
}

// The kernel forgets with a MAC who the link's neighbours are, those among them that somebody has
// set for good (neigh_changeaddr): a routed container's next hop, which nobody else may know.
void put_neighbours_back(netlink::Socket& socket, const std::vector<netlink::Neighbour>& before) {
  constexpr unsigned kPermanent = 0x80;  // NUD_PERMANENT
  for (const auto& neighbour : before) {
    if ((neighbour.state & kPermanent) == 0 || !neighbour.mac) continue;
    if (netlink::find_neighbour(socket, neighbour.link, neighbour.address)) continue;
    netlink::set_permanent_neighbour(socket, neighbour.link, neighbour.address, *neighbour.mac);
  }
}

void change(netlink::Socket& socket, const Link& link, const LinkSettings& settings) {
  if (settings == LinkSettings{}) return;
  const auto neighbours =
      settings.mac ? netlink::neighbours_of(socket, link.index) : std::vector<netlink::Neighbour>{};
  netlink::change_link(socket, link,
                       {.promiscuous = settings.promiscuous,
                        .all_multicast = settings.all_multicast,
                        .mac = settings.mac,
                        .mtu = settings.mtu,
                        .tx_queue_length = settings.tx_queue_length});
  put_neighbours_back(socket, neighbours);
}

std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n";
  std::vector<std::string_view> words;
  for (auto begin = text.find_first_not_of(kSpace); begin != std::string_view::npos;
       begin = text.find_first_not_of(kSpace)) {
    text.remove_prefix(begin);
    words.push_back(text.substr(0, text.find_first_of(kSpace)));
    text.remove_prefix(words.back().size());
  }
  return words;
}

// As the kernel reads numbers: 0x for hexadecimal, a leading 0 for octal ones.
std::optional<long long> number_of(std::string_view word) {
  const std::string text(word);
  char* end = nullptr;
  errno = 0;
  const long long value = std::strtoll(text.c_str(), &end, 0);
  const bool is_number = errno == 0 && end != text.c_str() && *end == '\0';
  return is_number ? std::optional(value) : std::nullopt;
}

// The kernel prints a value in its own way: tabs between several, numbers in decimal.
bool is_same_value(std::string_view left, std::string_view right) {
  const auto ours = words_of(left);
  const auto seen = words_of(right);
  return std::equal(ours.begin(), ours.end(), seen.begin(), seen.end(),
                    [](std::string_view a, std::string_view b) {
                      const auto number = number_of(a);
                      return a == b || (number && number == number_of(b));
                    });
}

void write(const Sysctl& sysctl) {
  const std::string what = "sysctl " + sysctl.path + " = \"" + sysctl.value + "\"";
  try {
    if (netlink::write_sysctl(sysctl.path, sysctl.value)) return;
  } catch (const base::SystemError& error) {
    throw cni::Error(cni::Code::kKernel, "cannot set " + what + ": " + error.what());
  }
  throw cni::Error(cni::Code::kKernel,
                   "cannot set " + what +
                       ": the container's network namespace has no such setting; it may be one of "
                       "the host's alone, or of a kernel feature that is off");
}

void put_back(const Sysctl& sysctl) {
  if (sysctl.original && !is_same_value(*sysctl.original, sysctl.value))
    netlink::write_sysctl(sysctl.path, *sysctl.original);
}

void write_all(const World& world, const std::vector<Sysctl>& sysctls, base::Rollback& undo) {
  const netlink::ScopedEntry inside(*world.container_namespace, world.host_namespace);
  for (const Sysctl& sysctl : sysctls) {
    write(sysctl);
    undo.add("sysctl " + sysctl.path, [&world, sysctl] {
      const netlink::ScopedEntry again(*world.container_namespace, world.host_namespace);
      put_back(sysctl);
    });
  }
}

Settings look_at_sysctls(const World& world, const std::vector<Sysctl>& sysctls) {
  Settings settings;
  const netlink::ScopedEntry inside(*world.container_namespace, world.host_namespace);
  for (const Sysctl& sysctl : sysctls) {
    // Where there is nothing to tell by, it is taken for right.
    const auto seen = read_if_readable(sysctl.path);
    settings.push_back({.name = "sysctl " + sysctl.path,
                        .wanted = sysctl.value,
                        .seen = seen,
                        .is_right = !seen || is_same_value(sysctl.value, *seen)});
  }
  return settings;
}

// All are written before any is read back: one may set others, as net/ipv4/ip_forward does.
void apply_sysctls(World& world, const std::vector<Sysctl>& sysctls, base::Rollback& undo) {
  if (sysctls.empty()) return;
  write_all(world, sysctls, undo);
  Findings findings;
  find_wrong(look_at_sysctls(world, sysctls), findings);
  if (!findings.empty())
    throw cni::Error(cni::Code::kKernel, findings.front() + ", after it was set");
}

const Link& require_container_end(const World& world, const Attachment& attachment) {
  if (world.container_end) return *world.container_end;
  throw cni::Error(cni::Code::kConflict, "the container has no interface " + attachment.key.ifname +
                                             " (" + attachment.netns_path + ")");
}

void apply_link(World& world, const Attachment& attachment, base::Rollback& undo) {
  const auto& tuning = *attachment.tuning;
  if (tuning.link == LinkSettings{}) return;
  const Link link = require_container_end(world, attachment);
  // Before the effect, of which a refusal may leave a part.
  undo.add("settings of interface " + link.name, [&world, link, original = tuning.original] {
    change(*world.container, link, original);
  });
  change(*world.container, link, tuning.link);
  world.container_end = netlink::find_link(*world.container, link.index);
}

void apply(World& world, Attachment& attachment, base::Rollback& undo) {
  if (!attachment.tuning) return;
  apply_sysctls(world, attachment.tuning->sysctls, undo);
  apply_link(world, attachment, undo);
}

void list_link_settings(const Attachment& attachment, const Link& link, Settings& settings) {
  const LinkSettings& wanted = attachment.tuning->link;
  const LinkSettings seen = settings_of(link);
  const std::string where = " of container interface " + link.name;
  const auto add = [&](const char* name, const auto& should, const auto& is, auto to_text) {
    if (!should) return;
    settings.push_back({.name = name + where,
                        .wanted = to_text(*should),
                        .seen = to_text(*is),
                        .is_right = should == is});
  };
  const auto number = [](unsigned value) { return std::to_string(value); };
  const auto state = [](bool value) { return std::string(value ? "on" : "off"); };
  add("MAC address", wanted.mac, seen.mac, [](const auto& mac) { return mac.to_string(); });
  add("MTU", wanted.mtu, seen.mtu, number);
  add("promiscuity", wanted.promiscuous, seen.promiscuous, state);
  add("all-multicast", wanted.all_multicast, seen.all_multicast, state);
  add("transmit queue", wanted.tx_queue_length, seen.tx_queue_length, number);
}

void list_settings(World& world, const Attachment& attachment, Settings& settings) {
  if (!attachment.tuning) return;
  for (auto& setting : look_at_sysctls(world, attachment.tuning->sysctls))
    settings.push_back(std::move(setting));
  if (world.container_end) list_link_settings(attachment, *world.container_end, settings);
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  if (!attachment.tuning) return;
  Settings settings;
  list_settings(world, attachment, settings);
  find_wrong(settings, findings);
  if (attachment.tuning->link != LinkSettings{} && !world.container_end)
    findings.push_back("container interface " + attachment.key.ifname + " is missing");
}

void put_link_back(World& world, const Namespace& container, const attachment::Tuning& tuning) {
  if (tuning.original == LinkSettings{}) return;
  auto socket = netlink::Socket::in(container, world.host_namespace);
  const auto link = netlink::find_link(socket, tuning.link_index);
  if (link) change(socket, *link, tuning.original);
}

void put_sysctl_back(World& world, const Namespace& container, const Sysctl& sysctl) {
  const netlink::ScopedEntry inside(container, world.host_namespace);
  put_back(sysctl);
}

// What the kernel will not take back keeps neither the rest from being put back nor a container
// from being deleted: its namespace goes soon, and all settings with it.
void remove(World& world, const Attachment& attachment) {
  if (!attachment.tuning) return;
  const auto container = attachment::find_container(attachment);
  if (!container) return;
  base::Rollback each([](const std::string&) {});
  for (const Sysctl& sysctl : attachment.tuning->sysctls) {
    each.add("sysctl " + sysctl.path, [&] { put_sysctl_back(world, *container, sysctl); });
  }
  each.add("settings of the interface",
           [&] { put_link_back(world, *container, *attachment.tuning); });
}

void restore_sysctls(World& world, const std::vector<Sysctl>& sysctls, Findings& restored) {
  const Settings seen = look_at_sysctls(world, sysctls);
  const netlink::ScopedEntry inside(*world.container_namespace, world.host_namespace);
  for (std::size_t i = 0; i < sysctls.size(); ++i) {
    if (seen[i].is_right) continue;
    write(sysctls[i]);
    restored.push_back(seen[i].name + " = \"" + sysctls[i].value + "\"");
  }
}

void restore(World& world, const Attachment& attachment, Findings& restored) {
  if (!attachment.tuning) return;
  restore_sysctls(world, attachment.tuning->sysctls, restored);
  if (!world.container_end) return;
  Settings settings;
  list_link_settings(attachment, *world.container_end, settings);
  if (std::all_of(settings.begin(), settings.end(),
                  [](const Setting& setting) { return setting.is_right; }))
    return;
  change(*world.container, *world.container_end, attachment.tuning->link);
  restored.push_back("settings of container interface " + attachment.key.ifname);
}

}  // namespace

void remember_originals(const World& world, attachment::Tuning& tuning) {
  if (world.container_end) {
    tuning.link_index = world.container_end->index;
    tuning.original = others_of(tuning.link, settings_of(*world.container_end));
  }
  if (tuning.sysctls.empty()) return;
  const netlink::ScopedEntry inside(*world.container_namespace, world.host_namespace);
  for (Sysctl& sysctl : tuning.sysctls) sysctl.original = read_if_readable(sysctl.path);
}

const Step kTuning = {.name = "tuning",
                      .apply = apply,
                      .check = check,
                      .remove = remove,
                      .restore = restore,
                      .settings = list_settings};

}  // namespace steps

/* The floor: what the kernel itself costs. It makes just the requests that a container's network needs, with constants compiled in, and
 * has no configuration, no allocation of addresses, no record, no result, no undo.
 *
 *   floor add-bridge NETNS BRIDGE_INDEX | add-dual NETNS BRIDGE_INDEX | add-routed NETNS | del [HOST_END [ADDRESS]]
 *
 * One RTM_NEWLINK, and the rest in one send for each namespace. With an address del removes it from the set "pods" of the table
 * "inet floor" before, as a pod's rules are removed. Runs in the host's namespace. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_END "vethfloor"
#define CONTAINER_END "eth0"
#define HOST_MAC "\x02\x00\x00\x00\xf1\x00"
#define CONTAINER_MAC "\x02\x00\x00\x00\xf1\x01"
#define ADDRESS4 "\x0a\x63\x00\x05" /* 10.99.0.5 */
#define GATEWAY4 "\x0a\x63\x00\x01"
#define NEXT_HOP4 "\xa9\xfe\x01\x01" /* 169.254.1.1 */
#define ADDRESS6 "\xfd\x00\x00\x99\0\0\0\0\0\0\0\0\0\0\0\x05" /* fd00:99::5 */
#define GATEWAY6 "\xfd\x00\x00\x99\0\0\0\0\0\0\0\0\0\0\0\x01"

enum { UNUSED_QUEUES = 1 };

static union {
  struct nlmsghdr first;
  char bytes[8192];
} out;
static size_t used;
static int waiting;

static void fail(const char *what, int code) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(code));
  exit(1);
}

static struct nlmsghdr *header;

static void begin(int type, int flags, const void *family_header, size_t size) {
  header = (struct nlmsghdr *)(out.bytes + used);
  memset(header, 0, sizeof *header);
  header->nlmsg_type = (unsigned short)type;
  header->nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags);
  header->nlmsg_len = NLMSG_LENGTH(NLMSG_ALIGN(size));
  memcpy(NLMSG_DATA(header), family_header, size);
}

static struct rtattr *put(int type, const void *data, size_t size) {
  struct rtattr *attribute = (struct rtattr *)((char *)header + NLMSG_ALIGN(header->nlmsg_len));
  attribute->rta_type = (unsigned short)type;
  attribute->rta_len = (unsigned short)RTA_LENGTH(size);
  if (size != 0) memcpy(RTA_DATA(attribute), data, size);
  header->nlmsg_len = NLMSG_ALIGN(header->nlmsg_len) + (unsigned)RTA_ALIGN(attribute->rta_len);
  return attribute;
}

static void put_number(int type, unsigned value) { put(type, &value, sizeof value); }
static void close_nest(struct rtattr *nest) { nest->rta_len = (unsigned short)((char *)header + header->nlmsg_len - (char *)nest); }

static void end(void) {
  used += NLMSG_ALIGN(header->nlmsg_len);
  ++waiting;
}

/* Sends what has been put together and reads the acknowledgements; an answer of the kind `wanted` is copied. */
static void transact(int fd, const char *what, void *wanted, size_t size) {
  static char in[32768];
  if (send(fd, out.bytes, used, 0) < 0) fail(what, errno);
  used = 0;
  while (waiting > 0) {
    long length = recv(fd, in, sizeof in, 0);
    if (length < 0) fail(what, errno);
    for (struct nlmsghdr *message = (struct nlmsghdr *)in; NLMSG_OK(message, length); message = NLMSG_NEXT(message, length)) {
      if (message->nlmsg_type == NLMSG_ERROR) {
        --waiting;
        const int code = -((struct nlmsgerr *)NLMSG_DATA(message))->error;
        if (code != 0) fail(what, code);
      } else if (wanted != NULL) {
        memcpy(wanted, message, message->nlmsg_len < size ? message->nlmsg_len : size);
      }
    }
  }
}

static void put_end(const char *name, const char *mac) {
  put(IFLA_IFNAME, name, strlen(name) + 1);
  put(IFLA_ADDRESS, mac, 6);
  put_number(IFLA_NUM_TX_QUEUES, UNUSED_QUEUES);
  put_number(IFLA_NUM_RX_QUEUES, UNUSED_QUEUES);
}

/* The pair, its host end up, and the other end's index. */
static int make_pair(int host, int container, int master, int *host_index) {
  const struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  const struct ifinfomsg none = {.ifi_index = 0};
  begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &up, sizeof up);
  put_end(HOST_END, HOST_MAC);
  if (master != 0) put_number(IFLA_MASTER, (unsigned)master);
  struct rtattr *info = put(IFLA_LINKINFO, NULL, 0);
  put(IFLA_INFO_KIND, "veth", 4);
  struct rtattr *data = put(IFLA_INFO_DATA, NULL, 0);
  struct rtattr *peer = put(VETH_INFO_PEER, NULL, 0);
  memcpy((char *)header + header->nlmsg_len, &none, sizeof none);
  header->nlmsg_len += sizeof none;
  put_end(CONTAINER_END, CONTAINER_MAC);
  put_number(IFLA_NET_NS_FD, (unsigned)container);
  close_nest(peer);
  close_nest(data);
  close_nest(info);
  end();
  begin(RTM_GETLINK, 0, &none, sizeof none);
  put(IFLA_IFNAME, HOST_END, sizeof HOST_END);
  put_number(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  end();
  static union {
    struct nlmsghdr header;
    char bytes[4096];
  } answer;
  transact(host, "create the pair", &answer, sizeof answer);
  *host_index = ((struct ifinfomsg *)NLMSG_DATA(&answer.header))->ifi_index;
  int left = (int)IFLA_PAYLOAD(&answer.header);
  for (struct rtattr *each = IFLA_RTA(NLMSG_DATA(&answer.header)); RTA_OK(each, left); each = RTA_NEXT(each, left)) {
    if (each->rta_type == IFLA_LINK) return *(int *)RTA_DATA(each);
  }
  fail("find the pair", ENODEV);
  return 0;
}

static void add_address(int family, const void *address, int length, int link) {
  const struct ifaddrmsg request = {.ifa_family = (unsigned char)family,
                                    .ifa_prefixlen = (unsigned char)length,
                                    .ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0,
                                    .ifa_index = (unsigned)link};
  begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &request, sizeof request);
  put(IFA_LOCAL, address, family == AF_INET ? 4 : 16);
  put(IFA_ADDRESS, address, family == AF_INET ? 4 : 16);
  end();
}

static void set_up(int link) {
  const struct ifinfomsg request = {.ifi_index = link, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  begin(RTM_SETLINK, 0, &request, sizeof request);
  end();
}

static void add_route(int family, const void *destination, const void *gateway, int link) {
  const size_t size = family == AF_INET ? 4 : 16;
  const struct rtmsg request = {.rtm_family = (unsigned char)family,
                                .rtm_dst_len = destination != NULL ? (unsigned char)(8 * size) : 0,
                                .rtm_table = RT_TABLE_MAIN,
                                .rtm_protocol = RTPROT_BOOT,
                                .rtm_scope = gateway != NULL ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
                                .rtm_type = RTN_UNICAST,
                                .rtm_flags = gateway != NULL && destination == NULL ? RTNH_F_ONLINK : 0};
  begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &request, sizeof request);
  if (destination != NULL) put(RTA_DST, destination, size);
  if (gateway != NULL) put(RTA_GATEWAY, gateway, size);
  put_number(RTA_OIF, (unsigned)link);
  end();
}

static void add_neighbour(const void *address, int link) {
  const struct ndmsg request = {.ndm_family = AF_INET, .ndm_ifindex = link, .ndm_state = NUD_PERMANENT};
  begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &request, sizeof request);
  put(NDA_DST, address, 4);
  put(NDA_LLADDR, HOST_MAC, 6);
  end();
}

/* Makes the kernel's link watch see the carrier now, so that the bridge forwards (rtnl_getlink, linkwatch_sync_dev). */
static void look_at(int host, int link) {
  const struct ifinfomsg request = {.ifi_index = link};
  begin(RTM_GETLINK, 0, &request, sizeof request);
  put_number(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  end();
  transact(host, "look at the host end", NULL, 0);
}

static int open_socket_of(int protocol) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) fail("socket", errno);
  return fd;
}

static int open_socket(void) { return open_socket_of(NETLINK_ROUTE); }

static void add(const char *path, int master, int is_dual) {
  const int host = open_socket();
  const int container = open(path, O_RDONLY | O_CLOEXEC);
  if (container < 0) fail(path, errno);
  int host_index = 0;
  const int link = make_pair(host, container, master, &host_index);
  if (setns(container, CLONE_NEWNET) != 0) fail("setns", errno);
  const int inside = open_socket();
  if (master != 0) {
    add_address(AF_INET, ADDRESS4, 16, link);
    if (is_dual) add_address(AF_INET6, ADDRESS6, 64, link);
    set_up(link);
    add_route(AF_INET, NULL, GATEWAY4, link);
    if (is_dual) add_route(AF_INET6, NULL, GATEWAY6, link);
  } else {
    add_neighbour(NEXT_HOP4, link);
    add_address(AF_INET, ADDRESS4, 32, link);
    set_up(link);
    add_route(AF_INET, NULL, NEXT_HOP4, link);
  }
  transact(inside, "set up the container's end", NULL, 0);
  if (master == 0) add_route(AF_INET, ADDRESS4, NULL, host_index);
  look_at(host, host_index);
}

static void mark_batch(int type) {
  const struct nfgenmsg mark = {.res_id = htons(NFNL_SUBSYS_NFTABLES)};
  begin(type, 0, &mark, sizeof mark);
  header->nlmsg_flags = NLM_F_REQUEST;
  used += header->nlmsg_len;
}

static void remove_rules(const char *address) {
  const struct nfgenmsg family = {.nfgen_family = NFPROTO_INET};
  struct in_addr key;
  if (inet_pton(AF_INET, address, &key) != 1) fail(address, EINVAL);
  mark_batch(NFNL_MSG_BATCH_BEGIN);
  begin(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELSETELEM, 0, &family, sizeof family);
  put(NFTA_SET_ELEM_LIST_TABLE, "floor", sizeof "floor");
  put(NFTA_SET_ELEM_LIST_SET, "pods", sizeof "pods");
  struct rtattr *list = put(NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED, NULL, 0);
  struct rtattr *element = put(NFTA_LIST_ELEM | NLA_F_NESTED, NULL, 0);
  struct rtattr *start = put(NFTA_SET_ELEM_KEY | NLA_F_NESTED, NULL, 0);
  put(NFTA_DATA_VALUE, &key, sizeof key);
  close_nest(start);
  close_nest(element);
  close_nest(list);
  end();
  mark_batch(NFNL_MSG_BATCH_END);
  transact(open_socket_of(NETLINK_NETFILTER), "remove the rules", NULL, 0);
}

static void del(const char *name) {
  const struct ifinfomsg none = {.ifi_index = 0};
  begin(RTM_DELLINK, 0, &none, sizeof none);
  put(IFLA_IFNAME, name, strlen(name) + 1);
  end();
  transact(open_socket(), "delete the pair", NULL, 0);
}

int main(int count, char **arguments) {
  const char *what = count > 1 ? arguments[1] : "";
  if (strcmp(what, "add-bridge") == 0 && count == 4) add(arguments[2], atoi(arguments[3]), 0);
  else if (strcmp(what, "add-dual") == 0 && count == 4) add(arguments[2], atoi(arguments[3]), 1);
  else if (strcmp(what, "add-routed") == 0 && count == 3) add(arguments[2], 0, 0);
  else if (strcmp(what, "del") == 0) {
    if (count > 3) remove_rules(arguments[3]);
    del(count > 2 ? arguments[2] : HOST_END);
  } else fail("usage: floor add-bridge|add-dual NETNS BRIDGE_INDEX | add-routed NETNS | del [HOST_END [ADDRESS]]", EINVAL);
  return 0;
}

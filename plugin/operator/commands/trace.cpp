// patchcord trace: whether a packet gets from one place to another, and what decides.
#include <array>
#include <charconv>

#include <netinet/in.h>

#include "plugin/operator/command.h"
#include "plugin/operator/files.h"
#include "plugin/operator/survey.h"
#include "plugin/operator/trace/run.h"
#include "plugin/operator/trace/show.h"

namespace tool {
namespace {

constexpr Option kFormatOption = {.name = "output",
                                  .letter = 'o',
                                  .value = "FORMAT",
                                  .choices = "table|json",
                                  .meaning = "how to show it; table unless given"};
constexpr Option kPortOption = {
    .name = "port", .letter = 'p', .value = "PORT", .meaning = "that is sent to; also TO:PORT"};
constexpr Option kProtocolOption = {
    .name = "protocol",
    .value = "PROTOCOL",
    .choices = "tcp|udp|icmp",
    .meaning = "tcp where there is a port, else icmp, an echo request"};
constexpr Option kFromPortOption = {
    .name = "from-port", .value = "PORT", .meaning = "that is sent from; any unless given"};
constexpr Option kProbeOption = {
    .name = "probe", .meaning = "send one real packet, and let the kernel tell what became of it"};
constexpr std::array kOptions = {kPortOption,  kProtocolOption, kFromPortOption,
                                 kProbeOption, kFormatOption,   kConfigurationsOption};

std::uint16_t port_of(const Call& call, const Option& option) {
  const auto text = call.arguments.value(option.name);
  if (!text) return 0;
  std::uint16_t port = 0;
  const auto* end = text->data() + text->size();
  if (std::from_chars(text->data(), end, port).ptr != end || port == 0)
    throw Misuse("--" + std::string(option.name) + ": \"" + *text + "\" is no port");
  return port;
}

std::uint8_t protocol_of(const Call& call) {
  const auto text = call.arguments.value(kProtocolOption.name);
  if (!text) return 0;
  if (*text == "tcp") return IPPROTO_TCP;
  return *text == "udp" ? IPPROTO_UDP : IPPROTO_ICMP;
}

int run_trace(const Call& call) {
  const auto& operands = call.arguments.operands();
  const trace::Wish wish{.from = operands[0],
                         .to = operands[1],
                         .protocol = protocol_of(call),
                         .port = port_of(call, kPortOption),
                         .from_port = port_of(call, kFromPortOption)};
  Node node(call.state_directory);
  const auto files = read_configurations(configuration_directory(call));
  const auto sightings = survey_unexamined(node, reservation_directories(files));
  trace::World world(node, sightings);
  auto question = trace::resolve(world, wish);
  const auto result = call.arguments.has(kProbeOption.name)
                          ? trace::probe(world, std::move(question))
                          : trace::walk(world, question).trace;
  const bool as_json = call.arguments.value(kFormatOption.name) == "json";
  call.console.write(as_json ? trace::to_json(result) : trace::to_text(result, call.console));
  return result.verdict == trace::Verdict::kPasses ? kFine : kNotFine;
}

}  // namespace

const Command kTrace = {
    .name = "trace",
    .operands = "FROM TO[:PORT]",
    .least = 2,
    .most = 2,
    .summary = "whether a packet gets from one place to another and back, and what decides",
    .details =
        "FROM and TO are a container (id, pod, network namespace), host, outside, or an\n"
        "address. Every step is asked of the kernel where it happens; nothing is sent,\n"
        "unless by --probe, which has the kernel name every rule that a packet comes to.\n"
        "Exit status 0: it passes.",
    .options = kOptions,
    .examples =
        "patchcord trace shop/web-0 shop/db-0 --port 5432\npatchcord trace outside host:8080\n"
        "patchcord trace 10.88.0.2 1.1.1.1 --protocol icmp --probe",
    .run = run_trace};

}  // namespace tool

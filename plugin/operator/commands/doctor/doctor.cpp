#include "plugin/operator/commands/doctor/doctor.h"

#include <array>

#include "plugin/operator/json.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

constexpr Option kFormatOption = {.name = "output",
                                  .letter = 'o',
                                  .value = "FORMAT",
                                  .choices = "table|json",
                                  .meaning = "how to show it; table unless given"};
constexpr std::array kOptions = {kFormatOption, kConfigurationsOption, kPluginsOption};

Diagnoses examine_node(const Call& call) {
  Node node(call.state_directory);
  const std::string directory = configuration_directory(call);
  const auto files = read_configurations(directory);
  const auto sightings = survey(node, reservation_directories(files));
  const Patient patient{.node = node,
                        .files = files,
                        .sightings = sightings,
                        .configurations = directory,
                        .plugin_path = plugin_path(call)};
  Diagnoses found;
  look_at_configurations(patient, found);
  look_at_runtimes(patient, found);
  look_at_kernel(patient, found);
  look_at_services(patient, found);
  look_at_attachments(patient, found);
  return found;
}

std::string to_json(const Diagnoses& found) {
  Json json;
  json.begin_object().key("diagnoses").begin_list();
  for (const auto& each : found) {
    json.begin_object()
        .member("name", each.name)
        .member("severity", each.is_error ? "error" : "warning")
        .member("text", each.text)
        .member("remedy", each.remedy)
        .end_object();
  }
  return json.end_list().end_object().document();
}

// Lines of at most `width` columns, those behind the first indented.
std::string wrap(std::string_view text, std::size_t indent, std::size_t width) {
  std::string result;
  std::size_t column = indent;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    if (column > indent && width != 0 && column + 1 + columns_of(word) > width) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      result += ' ';
      ++column;
    }
    result += word;
    column += columns_of(word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

std::string to_text(const Diagnoses& found, const Console& console) {
  std::string text;
  for (const auto& each : found) {
    text +=
        paint(console, each.is_error ? "✗ " : "! ", each.is_error ? Tone::kBad : Tone::kWarning) +
        each.name + "\n  " + wrap(printable(each.text), 2, console.width) + "\n  → " +
        wrap(printable(each.remedy), 4, console.width) + "\n";
  }
  return text.empty() ? "nothing stands in the way of this node's containers\n" : text;
}

int run_doctor(const Call& call) {
  const Diagnoses found = examine_node(call);
  const bool as_json = call.arguments.value(kFormatOption.name) == "json";
  call.console.write(as_json ? to_json(found) : to_text(found, call.console));
  return found.empty() ? kFine : kNotFine;
}

}  // namespace

const Command kDoctor = {
    .name = "doctor",
    .summary = "what stops or slows containers on this node, each with its remedy",
    .details =
        "Looks at the kernel's settings, the firewall, configurations, plugins, pools, routes\n"
        "and every attachment. Changes nothing. Exit status 1: something was found.",
    .options = kOptions,
    .examples = "patchcord doctor\npatchcord doctor -o json | jq -r '.diagnoses[].name'",
    .run = run_doctor};

}  // namespace tool

#include "plugin/attachment/record_rules.h"

#include "plugin/attachment/record_texts.h"

namespace attachment {
namespace {

using nlohmann::json;

Masquerade read_masquerade(const cni::Object& object) {
  Masquerade masquerade;
  for (const std::string& text : object.texts("addresses")) {
    if (const auto address = base::IpAddress::parse(text)) masquerade.addresses.push_back(*address);
  }
  for (const std::string& text : object.texts("except")) {
    if (const auto prefix = base::IpPrefix::parse(text)) masquerade.except.push_back(*prefix);
  }
  return masquerade;
}

}  // namespace

void write_rules(const Attachment& attachment, json& document) {
  if (attachment.masquerade) {
    json& masquerade = document["masquerade"];
    masquerade["addresses"] = write_texts(attachment.masquerade->addresses);
    masquerade["except"] = write_texts(attachment.masquerade->except);
  }
  if (attachment.isolation)
    document["isolation"] = attachment.isolation == Isolation::kPod ? "pod" : "network";
  if (attachment.antispoof) {
    document["antispoof"] = {{"mac", attachment.antispoof->mac},
                             {"addresses", attachment.antispoof->addresses}};
  }
  if (attachment.firewall)
    document["firewall"] = {{"adminChain", attachment.firewall->admin_chain}};
}

void read_rules(const cni::Object& document, Attachment& attachment) {
  if (const auto section = document.object("masquerade"))
    attachment.masquerade = read_masquerade(*section);
  if (const auto level = document.text("isolation"))
    attachment.isolation = level == "pod" ? Isolation::kPod : Isolation::kNetwork;
  if (const auto section = document.object("antispoof")) {
    attachment.antispoof = {.mac = section->boolean("mac").value_or(false),
                            .addresses = section->boolean("addresses").value_or(false)};
  }
  if (const auto section = document.object("firewall"))
    attachment.firewall = {.admin_chain = section->text("adminChain").value_or("")};
}

}  // namespace attachment

#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "plugin/attachment/attachment.h"
#include "plugin/cni/request.h"
#include "plugin/cni/result.h"
#include "plugin/operations/settings.h"
#include "plugin/ruleset/wanted.h"
#include "plugin/steps/step.h"

/// The operations of the types that work on an interface which a plugin before them in the chain
/// has made. Each has records of its own, so that those of one attachment in one chain do not meet.
namespace operations {

struct Chained {
  std::string_view name;                      // of the type and of its records
  std::span<const steps::Step* const> steps;  // in the order of ADD
  /// Puts into the result, which is what came before in the chain, what the type has changed.
  void (*describe)(const steps::World& world, const attachment::Attachment& attachment,
                   cni::Result& result) = nullptr;
  /// DEL where there is no record: where elements in nftables may be.
  ruleset::Traces (*find_traces)(const cni::Request& request) = nullptr;
};

/// All of them; the list is in plugin/types/type.cpp.
[[nodiscard]] std::span<const Chained* const> chained_types();

/// What came before in the chain. Throws cni::Error{kInvalidConfig} where there is nothing, and
/// {kDecoding} where it cannot be read.
[[nodiscard]] cni::Result require_previous_result(const cni::Request& request);

/// Completes an attachment that has its key and namespace; sees the ends of the interface in the
/// world, as far as there are any, and has no effect.
using Plan = std::function<void(const cni::Result& previous, const steps::World& world,
                                attachment::Attachment& attachment)>;

/// ADD. The configuration has been found good by then.
void add_chained(const Chained& type, const cni::Request& request, const Settings& settings,
                 const Plan& plan);

/// ADD where the configuration asks for nothing: the previous result goes on, and no record is
/// made.
void pass_on(const cni::Request& request, const Settings& settings);

/// DEL, by the record and, without one, by the names in the request.
void delete_chained(const Chained& type, const cni::Request& request, const Settings& settings);

/// CHECK, by the record; without one, where the interface is not of our making either, by what the
/// result and the kernel can tell, and by what `foretell` puts into a plan of what such an ADD
/// makes, if it is there. Not for a configuration that asks for nothing.
using Foretell = std::function<void(attachment::Attachment& attachment)>;
void check_chained(const Chained& type, const cni::Request& request, const Settings& settings,
                   const Foretell& foretell = {});

/// Removes every trace of what the type has of an attachment; where nothing is known of it, of what
/// the request's names lead to.
void tear_down_chained(const Chained& type, steps::World& world, const cni::Request& request,
                       const std::optional<attachment::Attachment>& known);

/// GC, of what there are records of.
void collect_chained(const Chained& type, const cni::Request& request, const Settings& settings);

/// STATUS: netlink answers, records can be written, and there is nftables for what is to be made of
/// its rules.
void require_chained_ready(const Settings& settings, const std::vector<std::string>& rules = {});

}  // namespace operations

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "plugin/attachment/attachment.h"
#include "plugin/cni/request.h"
#include "plugin/operations/shared/attempts.h"
#include "plugin/steps/step.h"

namespace operations {

/// What may be removed where there is no record: only what bears the attachment's mark, or also
/// what the reference plugins made: a pair without any mark whose other end is CNI_IFNAME in
/// CNI_NETNS, and rules that are named after the attachment.
enum class Unrecorded : std::uint8_t { kMarked, kOfContainer };

/// The last first, each whatever became of the others.
void remove_steps(std::span<const steps::Step* const> list, steps::World& world,
                  const attachment::Attachment& attachment, Attempts& attempts);

/// Removes everything that belongs to the attachment, and goes on past what fails; addresses last,
/// and not while anything of the rest is there.
/// Without an attachment (no record, or an unreadable one) it goes by the names in the request: the
/// host end is found by its name and its mark, the addresses by their owner. Throws one cni::Error
/// with every problem; what is gone already is none.
void tear_down(steps::World& world, const cni::Request& request,
               const std::optional<attachment::Attachment>& attachment,
               const std::string& state_directory, Unrecorded unrecorded = Unrecorded::kMarked);

}  // namespace operations

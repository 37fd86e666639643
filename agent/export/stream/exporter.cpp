// SPDX-License-Identifier: Apache-2.0
#include "export/stream/exporter.hpp"

#include <stdexcept>
#include <utility>

#include "export/otlp_exporter.hpp"
#include "export/stream/exec_options.hpp"
#include "export/stream/program_peer.hpp"
#include "export/stream/socket_peer.hpp"
#include "export/stream/transport.hpp"
#include "export/stream/unix_options.hpp"
#include "programs/programs.hpp"

namespace spanring::agent {
namespace {

class StreamExporter final : public OtlpExporter {
public:
    using MakePeer = std::function<std::unique_ptr<StreamPeer>()>;

    StreamExporter(const std::string& name, uint32_t index, bool required, const OtlpOptions& options,
                   MakePeer make_peer, Ledger* ledger, std::shared_ptr<StreamFigures> figures)
        : OtlpExporter(name, index, required, options,
                       [name, options, make_peer = std::move(make_peer), figures] {
                           return std::make_unique<StreamTransport>("exporter " + name, options, make_peer(), figures);
                       },
                       ledger, {}),
          figures_(figures) {}

    ExporterStatus status() const override {
        ExporterStatus status = OtlpExporter::status();
        // relaxed: figures, of which each stands for itself.
        status.peer.emplace(PeerStatus{figures_->opened.load(std::memory_order_relaxed),
                                       figures_->broken.load(std::memory_order_relaxed),
                                       figures_->stray.load(std::memory_order_relaxed)});
        return status;
    }

private:
    const std::shared_ptr<StreamFigures> figures_;
};

}  // namespace

std::unique_ptr<Exporter> make_unix_exporter(std::string name, uint32_t index, bool required,
                                             const UnixOptions& options, Ledger* ledger) {
    for (const OptionFault& fault : faults_of(options)) throw std::invalid_argument(fault.key + ": " + fault.what);
    const auto make_peer = [options] { return std::make_unique<SocketPeer>(options.path, options.peer()); };
    return std::make_unique<StreamExporter>(std::move(name), index, required, options, make_peer, ledger,
                                            std::make_shared<StreamFigures>());
}

std::unique_ptr<Exporter> make_exec_exporter(std::string name, uint32_t index, bool required,
                                             const ExecOptions& options, Ledger* ledger, Programs* programs) {
    for (const OptionFault& fault : faults_of(options)) throw std::invalid_argument(fault.key + ": " + fault.what);
    ProgramLine* const line = programs != nullptr ? programs->line(name) : nullptr;
    if (line == nullptr)
        throw std::runtime_error("exporter " + name +
                                 ": its program was not named when the agent started; a restart, "
                                 "which loses no span, starts it");
    const auto make_peer = [name, file = options.command.front(), line] {
        return std::make_unique<ProgramPeer>("exporter " + name, file, *line);
    };
    return std::make_unique<StreamExporter>(std::move(name), index, required, options, make_peer, ledger,
                                            std::make_shared<StreamFigures>());
}

}  // namespace spanring::agent

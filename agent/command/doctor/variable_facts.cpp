// SPDX-License-Identifier: Apache-2.0
#include "command/doctor/variable_facts.hpp"

namespace spanring::agent {

Findings look_at_variables(const Variables& variables) {
    Findings findings;
    for (const VariableNote& note : judge(variables)) {
        const bool off = note.kind == VariableNote::Kind::kOff;
        const bool wrong = note.kind == VariableNote::Kind::kNotUnderstood;
        findings.push_back({off ? Health::kError : Health::kWarning, "environment",
                            note.name + (wrong ? " is not understood: " : ": ") + note.text,
                            wrong ? "correct it where the process is started, and start it again"
                                  : "unset it where the process is started, and start it again"});
    }
    if (findings.empty())
        findings.push_back(
            {Health::kOk, "environment", "no variable switches recording off, and all are understood", ""});
    return findings;
}

}  // namespace spanring::agent

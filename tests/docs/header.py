# SPDX-License-Identifier: Apache-2.0
"""What the public header declares, as a manual page would name it."""

import re

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
FUNCTION = re.compile(r"\bSPR_PUBLIC\s+([^;]*?)(\w+)\(([^;]*?)\)\s*SPR_NOEXCEPT\s*;", re.DOTALL)


def squeeze(text):
    return re.sub(r"\s*\*\s*", " *", " ".join(text.split())).strip().replace("* *", "**")


def functions(text):
    """{name: (type, [parameters])}, in the header's order."""
    found = {}
    for result, name, parameters in FUNCTION.findall(COMMENT.sub(" ", text)):
        parameters = [] if parameters.strip() == "void" else [squeeze(part) for part in parameters.split(",")]
        found[name] = (squeeze(result), parameters)
    return found


def words(text):
    """Every name of the library that the header knows: functions, types, macros."""
    return set(re.findall(r"\b(?:spr|SPR)_\w+", text))

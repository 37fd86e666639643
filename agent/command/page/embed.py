# SPDX-License-Identifier: Apache-2.0
"""embed.py OUTPUT FILE...: the page's files as a table of C++ (page_files.hpp)."""

import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".svg": "image/svg+xml", ".png": "image/png"}


def main(output, *names):
    text = ['#include "command/page/page_files.hpp"\n', "namespace spanring::agent {", "namespace {"]
    rows = []
    for number, name in enumerate(names):
        path = pathlib.Path(name)
        content = path.read_bytes()
        lines = [",".join(str(byte) for byte in content[at:at + 64]) for at in range(0, len(content), 64)]
        text.append(f"constexpr unsigned char kFile{number}[] = {{\n" + ",\n".join(lines + ["0"]) + "};")
        rows.append(f'    {{"{path.name}", "{TYPES[path.suffix]}", '
                    f"{{reinterpret_cast<const char*>(kFile{number}), {len(content)}}}}},")
    text += ["const PageFile kFiles[] = {", *rows, "};", "}  // namespace",
             "std::span<const PageFile> page_files() { return kFiles; }", "}  // namespace spanring::agent\n"]
    pathlib.Path(output).write_text("\n".join(text))


if __name__ == "__main__":
    main(*sys.argv[1:])

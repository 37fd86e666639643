# SPDX-License-Identifier: Apache-2.0
"""What .editorconfig says of a file's bytes, checked and mended: ends of lines, trailing blanks, tabs, UTF-8.

Debian 12 has no checker of its own. Known of the format (https://spec.editorconfig.org): sections whose glob is made of
*, **, {one,other} and plain text; later sections go before earlier ones; `unset`. Widths are the formatters' business.
"""

import re


def _expression(glob):
    """A glob as a regular expression for a path below the root. Without a slash it is about the name alone."""
    parts = []
    for token in re.findall(r"\*\*/?|\*|[{},]|[^*{},]+", glob):
        parts.append({"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "{": "(?:", "}": ")", ",": "|"}.get(token)
                     or re.escape(token))
    return re.compile(("" if "/" in glob else "(?:.*/)?") + "".join(parts))


class EditorConfig:
    def __init__(self, text):
        self._sections = []
        for line in text.splitlines():
            line = line.strip()
            if not line or line[0] in "#;":
                continue
            if line[0] == "[":
                self._sections.append((_expression(line[1:-1]), {}))
            elif self._sections:  # in front of the first one there is only `root`
                key, _, value = line.partition("=")
                self._sections[-1][1][key.strip()] = value.strip()

    def of(self, path):
        found = {}
        for expression, properties in self._sections:
            if expression.fullmatch(path):
                found.update(properties)
        return {key: value for key, value in found.items() if value != "unset"}

    def problems(self, path, data):
        """What is wrong, as "place: what"."""
        rules, found = self.of(path), []
        if rules.get("charset") == "utf-8":
            try:
                data.decode()
            except UnicodeDecodeError as error:
                found.append(f"{path}: {error}")
        if rules.get("insert_final_newline") == "true" and data and not data.endswith(b"\n"):
            found.append(f"{path}: no newline at the end")
        for number, line in enumerate(data.split(b"\n"), 1):
            if rules.get("end_of_line") == "lf" and b"\r" in line:
                found.append(f"{path}:{number}: a carriage return")
            if rules.get("trim_trailing_whitespace") == "true" and line.rstrip(b"\r") != line.rstrip():
                found.append(f"{path}:{number}: blanks at the end")
            if rules.get("indent_style") == "space" and b"\t" in line:
                found.append(f"{path}:{number}: a tab")
        return found

    def mended(self, path, data):
        """The bytes without what can be mended: all but tabs and what is not UTF-8."""
        rules = self.of(path)
        if rules.get("end_of_line") == "lf":
            data = data.replace(b"\r\n", b"\n")
        if rules.get("trim_trailing_whitespace") == "true":
            data = b"\n".join(line.rstrip() for line in data.split(b"\n"))
        if rules.get("insert_final_newline") == "true" and data and not data.endswith(b"\n"):
            data += b"\n"
        return data

// SPDX-License-Identifier: Apache-2.0
#include "config/option_reader.hpp"

#include "base/option.hpp"
#include "config/section.hpp"

namespace spanring::agent {
namespace {

struct ValueReader {
    Section& section;
    const std::string& key;

    void operator()(const Scalar& scalar) const {
        const auto text = section.scalar(key, scalar.form);
        if (!text) return;
        const std::string wrong = scalar.set(*text);
        if (!wrong.empty()) section.report_wrong(key, scalar.form, wrong);
    }
    void operator()(const TextList& list) const {
        std::vector<std::string> texts = list.value;
        section.texts(key, texts);
        if (!section.has(key)) return;
        const std::string wrong = list.check ? list.check(texts) : std::string();
        if (!wrong.empty()) return section.report_wrong(key, list.values, wrong);
        list.value = std::move(texts);
    }
    void operator()(const Secrets& secrets) const { section.text_map(key, secrets.value); }
    void operator()(const Group& group) const {
        Section inner = section.section(key);
        read_options(inner, group.options);
    }
    void operator()(const GroupList& list) const {
        if (list.single) {
            if (!section.has(key)) return;
            Section item = section.section(key);
            return read_item(item, list);
        }
        size_t items = 0;
        for (Section& item : section.sections(key)) {
            if (++items == list.most + 1)
                item.report(item.place(), "at most " + std::to_string(list.most) + " can be given");
            read_item(item, list);
        }
    }
    static void read_item(Section& item, const GroupList& list) {
        if (list.required != nullptr && !item.has(list.required))
            item.report(item.place(), std::string("must say ") + list.required);
        read_options(item, list.add());
    }
};

}  // namespace

void read_options(Section& section, const std::vector<Option>& options) {
    for (const Option& option : options) std::visit(ValueReader{section, option.key}, option.value);
    section.finish();
}

}  // namespace spanring::agent

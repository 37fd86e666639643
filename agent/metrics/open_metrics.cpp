// SPDX-License-Identifier: Apache-2.0
#include "metrics/open_metrics.hpp"

#include <charconv>
#include <cmath>
#include <iterator>
#include <string_view>

namespace spanring::agent {
namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;

constexpr std::string_view kTotal = "_total";

std::string number(double value) {
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    if (std::isnan(value)) return "NaN";
    char text[32];
    return {text, std::to_chars(std::begin(text), std::end(text), value).ptr};
}

// With a point in it, as the specification wants bounds.
std::string bound(double value) {
    std::string text = number(value);
    if (text.find_first_of(".eIN") == std::string::npos) text += ".0";
    return text;
}

void append_escaped(std::string& to, std::string_view text) {
    for (const char c : text) {
        if (c == '\n')
            to += "\\n";
        else if (c == '\\' || c == '"')
            (to += '\\') += c;
        else
            to += c;
    }
}

class Writer {
public:
    explicit Writer(const ShownExemplars& exemplars) : exemplars_(exemplars) {}

    void family(const prometheus::MetricFamily& family, size_t place) {
        name_ = family.name;
        // The name of a counter is that of its sample, without what says so.
        if (family.type == prometheus::MetricType::Counter && name_.ends_with(kTotal))
            name_.resize(name_.size() - kTotal.size());
        out_ += "# TYPE " + name_ + " " + type_name(family.type) + "\n";
        if (!family.help.empty()) {
            out_ += "# HELP " + name_ + " ";
            append_escaped(out_, family.help);
            out_ += "\n";
        }
        for (size_t i = 0; i < family.metric.size(); ++i) metric(family, i, place);
    }

    std::string text() && { return std::move(out_) + "# EOF\n"; }

private:
    static const char* type_name(prometheus::MetricType type) {
        switch (type) {
            case prometheus::MetricType::Counter: return "counter";
            case prometheus::MetricType::Histogram: return "histogram";
            default: return "gauge";
        }
    }

    void metric(const prometheus::MetricFamily& family, size_t index, size_t place) {
        const prometheus::ClientMetric& metric = family.metric[index];
        const auto found = exemplars_.find({place, index});
        static const std::vector<ShownExemplar> kNone;
        const std::vector<ShownExemplar>& exemplars = found != exemplars_.end() ? found->second : kNone;
        switch (family.type) {
            case prometheus::MetricType::Counter:
                sample(kTotal, metric.label, {}, metric.counter.value);
                if (!exemplars.empty()) refer_to(exemplars.front());
                out_ += "\n";
                break;
            case prometheus::MetricType::Histogram: histogram(metric, exemplars); break;
            default: sample("", metric.label, {}, metric.gauge.value); out_ += "\n";
        }
    }

    void histogram(const prometheus::ClientMetric& metric, const std::vector<ShownExemplar>& exemplars) {
        double below = -1;
        for (const auto& bucket : metric.histogram.bucket) {
            sample("_bucket", metric.label, bound(bucket.upper_bound), static_cast<double>(bucket.cumulative_count));
            for (const ShownExemplar& exemplar : exemplars) {
                if (exemplar.value <= below || exemplar.value > bucket.upper_bound) continue;
                refer_to(exemplar);
                break;
            }
            out_ += "\n";
            below = bucket.upper_bound;
        }
        sample("_count", metric.label, {}, static_cast<double>(metric.histogram.sample_count));
        out_ += "\n";
        sample("_sum", metric.label, {}, metric.histogram.sample_sum);
        out_ += "\n";
    }

    // Without the end of the line.
    void sample(std::string_view suffix, const Labels& labels, const std::string& le, double value) {
        (out_ += name_) += suffix;
        if (!labels.empty() || !le.empty()) {
            char separator = '{';
            const auto label = [&](std::string_view name, std::string_view text) {
                ((out_ += separator) += name) += "=\"";
                append_escaped(out_, text);
                out_ += '"';
                separator = ',';
            };
            for (const auto& each : labels) label(each.name, each.value);
            if (!le.empty()) label("le", le);
            out_ += '}';
        }
        out_ += " " + number(value);
    }

    void refer_to(const ShownExemplar& exemplar) {
        out_ += " # {trace_id=\"" + exemplar.trace_id + "\",span_id=\"" + exemplar.span_id + "\"} " +
                number(exemplar.value);
        if (exemplar.unix_seconds > 0) {
            char text[64];
            const auto end =
                std::to_chars(std::begin(text), std::end(text), exemplar.unix_seconds, std::chars_format::fixed, 3);
            (out_ += ' ').append(text, end.ptr);
        }
    }

    const ShownExemplars& exemplars_;
    std::string name_;
    std::string out_;
};

}  // namespace

std::string write_open_metrics(const std::vector<prometheus::MetricFamily>& families, const ShownExemplars& exemplars) {
    Writer writer(exemplars);
    for (size_t i = 0; i < families.size(); ++i) writer.family(families[i], i);
    return std::move(writer).text();
}

}  // namespace spanring::agent

// SPDX-License-Identifier: Apache-2.0
//
// Two spans in C++17: a checkout, and the payment inside it.
//
//     c++ -std=c++17 hello.cpp -lspanring -o hello

#include <spanring/spanring.hpp>

#include <iostream>

namespace {

void pay(const spanring::Tracer& tracer, int cents) {
    auto span = tracer.start("pay");  // its parent is what is attached to this thread: the checkout
    span.set_attribute("payment.cents", cents);
    span.add_event("authorised", {{"bank", "First Bank"}, {"attempts", 1}});
    span.set_status(spanring::Status::kOk);
}  // the span ends here

}  // namespace

int main() {
    const auto provider = spanring::Provider::open({"hello-cpp"});
    const auto tracer = provider.tracer("hello", "1.0");
    if (!tracer) {
        std::cerr << "hello: " << spr_strerror(tracer.error()) << '\n';
        return 1;
    }

    auto span = tracer.start("checkout", spanring::Kind::kServer);
    span.set_attribute("item", "book");
    {
        const spanring::Scope scope{span.context()};  // spans that start on this thread are its children now
        pay(tracer, 1999);
    }
    span.end();

    // Both spans are outside this process: nothing has to be flushed or closed.
    if (const auto traceparent = span.context().inject(); !traceparent.empty()) {
        std::cout << traceparent.view() << '\n';
    } else {
        std::cout << "tracing is off: " << spr_strerror(provider.state()) << '\n';
    }
}

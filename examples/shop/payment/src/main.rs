// SPDX-License-Identifier: Apache-2.0
//! The payment service of the shop: `POST /charge?amount=CENTS&card=C`. The last of three services in one trace.

mod charge;
mod http;
mod server;
mod signals;

use spanring::Provider;
use std::error::Error;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;

fn main() -> ExitCode {
    let port = match port(std::env::args().skip(1)) {
        Ok(port) => port,
        Err(complaint) => {
            eprintln!("payment: {complaint}\nusage: payment [--port PORT]");
            return ExitCode::from(2);
        }
    };
    match run(port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("payment: {error}");
            ExitCode::FAILURE
        }
    }
}

fn port(mut arguments: impl Iterator<Item = String>) -> Result<u16, String> {
    let mut port = 0;
    while let Some(argument) = arguments.next() {
        if argument != "--port" {
            return Err(format!("unknown argument {argument}"));
        }
        let value = arguments.next().ok_or("--port needs a number")?;
        port = value.parse().map_err(|_| format!("--port {value}: not a port"))?;
    }
    Ok(port)
}

fn run(port: u16) -> Result<(), Box<dyn Error>> {
    // Before any thread starts: threads inherit it, and only wait() sees the signals.
    let stop = signals::block()?;
    let provider = Provider::builder().service_name("shop-payment").open()?;
    let service = charge::Service::new(provider.tracer("shop/payment", Some("1.0"))?);

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let address = listener.local_addr()?;
    let server = server::Server::start(listener, move |request| service.answer(request))?;
    println!("listening on {address}");
    std::io::stdout().flush()?;

    stop.wait()?;
    server.stop();
    // No flush: a span that has ended is outside this process already.
    let spans = provider.statistics();
    println!(
        "spans started={} ended={} dropped={} not_started={}",
        spans.started,
        spans.ended,
        spans.dropped(),
        spans.not_started
    );
    Ok(())
}

// SPDX-License-Identifier: Apache-2.0

//! What spans say: the file that bench/shop_requests.py draws, as bench/requests.hpp reads it.
use std::error::Error;
use std::fmt::Debug;
use std::str::{FromStr, Split};

pub struct Request {
    pub name: String,
    pub method: String,
    pub path: String,
    pub status: i64,
    pub server: String,
    pub port: i64,
    pub protocol: String,
    pub client: String,
    pub short_agent: String,
    pub total: f64,
    pub route_name: String,
    pub route: String,
    pub long_path: String,
    pub query: String,
    pub peer_port: i64,
    pub agent: String,
    pub statement: String,
    pub table: String,
    pub operation: String,
    pub rows: i64,
    pub cache_key: String,
    pub headers: Vec<String>,
}

pub fn read(file: &str) -> Result<Vec<Request>, Box<dyn Error>> {
    Ok(std::fs::read_to_string(file)?.lines().map(request).collect())
}

/// Of one line: the fields are read in the order in which they stand here, which is that of the columns.
fn request(line: &str) -> Request {
    let mut columns = line.split('\t');
    let columns = &mut columns;
    Request {
        name: text(columns),
        method: text(columns),
        path: text(columns),
        status: number(columns),
        server: text(columns),
        port: number(columns),
        protocol: text(columns),
        client: text(columns),
        short_agent: text(columns),
        total: number(columns),
        route_name: text(columns),
        route: text(columns),
        long_path: text(columns),
        query: text(columns),
        peer_port: number(columns),
        agent: text(columns),
        statement: text(columns),
        table: text(columns),
        operation: text(columns),
        rows: number(columns),
        cache_key: text(columns),
        headers: columns.map(str::to_owned).collect(),
    }
}

fn text(columns: &mut Split<char>) -> String {
    columns.next().expect("a request has too few columns").to_owned()
}

fn number<T: FromStr<Err: Debug>>(columns: &mut Split<char>) -> T {
    text(columns).parse().expect("a number")
}

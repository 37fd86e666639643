// SPDX-License-Identifier: Apache-2.0

use crate::propagation::{Headers, HeadersMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};

impl Headers for HeaderMap {
    fn get(&self, key: &str, index: usize) -> Option<&[u8]> {
        self.get_all(key).iter().nth(index).map(HeaderValue::as_bytes)
    }
}

/// What is no name or value of a header is left out; the library writes none.
impl HeadersMut for HeaderMap {
    fn set(&mut self, key: &str, value: &str) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(key.as_bytes()), HeaderValue::from_str(value)) {
            self.insert(name, value);
        }
    }
    fn remove(&mut self, key: &str) {
        HeaderMap::remove(self, key);
    }
}

// SPDX-License-Identifier: Apache-2.0
//
// The link that begins a session led here; from here on it is the page that asks. What the link was about stays.
location.replace("/" + location.hash);

// SPDX-License-Identifier: Apache-2.0
//! The declarations in `src` say the same as the C header. The C compiler decides: it is given the header and,
//! below it, every Rust size, offset and constant as a static assertion and every Rust signature as a redeclaration.

use spanring_sys::*;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::mem::{align_of, size_of, MaybeUninit};
use std::path::PathBuf;
use std::process::Command;

const RUST: &str = concat!(
    include_str!("../src/constants.rs"),
    include_str!("../src/types.rs"),
    include_str!("../src/options.rs"),
    include_str!("../src/functions.rs")
);
/// Of the test kit, in a header of its own; what of it the crates call.
#[cfg(feature = "test-kit")]
const TEST_KIT: &str = include_str!("../src/test_kit.rs");

/// Assertions for one struct. The pattern without `..` makes the list of fields complete, or this does not compile.
macro_rules! layout {
    ($name:ident { $($field:ident),* $(,)? }) => {{
        #[allow(dead_code)]
        fn complete(value: &$name) { let $name { $($field: _),* } = value; }
        let memory = MaybeUninit::<$name>::uninit();
        let base = memory.as_ptr();
        let name = stringify!($name);
        let mut c = assertion(&format!("sizeof({name})"), size_of::<$name>());
        c += &assertion(&format!("_Alignof({name})"), align_of::<$name>());
        $(
            let field = stringify!($field).trim_start_matches("r#");
            // Only the address of the field is taken: nothing uninitialised is read.
            let offset = unsafe { std::ptr::addr_of!((*base).$field) } as usize - base as usize;
            c += &assertion(&format!("offsetof({name}, {field})"), offset);
        )*
        c
    }};
}

fn assertion(expression: &str, value: usize) -> String {
    format!("_Static_assert({expression} == {value}, \"{expression} is {value} in Rust\");\n")
}

fn layouts() -> String {
    [
        layout!(spr_context { trace_id, span_id, trace_flags, is_remote, sampling }),
        layout!(spr_span { handle, context }),
        layout!(spr_token { context, previous, reserved, record }),
        layout!(spr_span_token { token, span }),
        layout!(spr_text { data, size, capacity }),
        layout!(spr_propagated { struct_size, flags, context, trace_state, baggage }),
        layout!(spr_carrier { struct_size, reserved, user, get, set, remove }),
        layout!(spr_environment { struct_size, reserved, variables, capacity, memory }),
        layout!(spr_member { key, key_size, value, value_size, properties, properties_size }),
        layout!(spr_b3_headers { trace_id, span_id, sampled, flags }),
        layout!(spr_value { r#type, reserved, value }),
        layout!(spr_attribute { key, key_size, r#type, reserved, value }),
        layout!(spr_provider_options {
            struct_size,
            full_policy,
            service_name,
            service_name_size,
            resource_attributes,
            resource_attribute_count,
            memory_limit,
            full_wait_ns,
            attribute_count_limit,
            attribute_value_length_limit,
            event_count_limit,
            link_count_limit,
            event_attribute_count_limit,
            link_attribute_count_limit,
            resource_schema_url,
            resource_schema_url_size,
            memory,
            reserved,
        }),
        layout!(spr_tracer_options {
            struct_size,
            reserved,
            name,
            name_size,
            version,
            version_size,
            schema_url,
            schema_url_size,
            attributes,
            attribute_count,
        }),
        layout!(spr_link {
            context,
            attributes,
            attribute_count,
            trace_state,
            trace_state_size,
            dropped_attributes,
            reserved,
        }),
        layout!(spr_event { name, name_size, time_ns, attributes, attribute_count, dropped_attributes, reserved }),
        layout!(spr_exception {
            struct_size,
            reserved,
            r#type,
            type_size,
            message,
            message_size,
            stacktrace,
            stacktrace_size,
            time_ns,
            attributes,
            attribute_count,
        }),
        layout!(spr_whole_span {
            struct_size,
            kind,
            status,
            reserved,
            context,
            parent,
            name,
            name_size,
            start_time_ns,
            end_time_ns,
            status_message,
            status_message_size,
            trace_state,
            trace_state_size,
            attributes,
            attribute_count,
            events,
            event_count,
            links,
            link_count,
            dropped_attributes,
            dropped_events,
            dropped_links,
            reserved_word,
        }),
        layout!(spr_start_options {
            struct_size,
            kind,
            parent_mode,
            reserved,
            start_time_ns,
            parent,
            attributes,
            attribute_count,
            links,
            link_count,
            trace_state,
            trace_state_size,
            context,
            sampling,
            reserved_word,
        }),
        layout!(spr_end_options {
            struct_size,
            status,
            reserved,
            end_time_ns,
            name,
            name_size,
            status_message,
            status_message_size,
            attributes,
            attribute_count,
            events,
            event_count,
        }),
        layout!(spr_statistics {
            struct_size,
            reserved,
            started,
            ended,
            unsampled,
            not_started_slot,
            not_started_nested,
            dropped_full,
            dropped_too_big,
            dropped_nested,
            dropped_overwritten,
            refused_data,
            acknowledged,
            cut_texts,
            misread_variables,
            given_back_bytes,
        }),
        // The union has no name in C: its place and its members are named through spr_attribute.
        assertion("sizeof(((spr_attribute *)0)->value)", size_of::<spr_attribute_value>()),
        assertion(
            "offsetof(spr_attribute, value.string.data)",
            attribute_offset(|value| unsafe { std::ptr::addr_of!((*value).string.data) as usize }),
        ),
        assertion(
            "offsetof(spr_attribute, value.string.size)",
            attribute_offset(|value| unsafe { std::ptr::addr_of!((*value).string.size) as usize }),
        ),
        assertion(
            "offsetof(spr_attribute, value.boolean)",
            attribute_offset(|value| unsafe { std::ptr::addr_of!((*value).boolean) as usize }),
        ),
        assertion(
            "offsetof(spr_attribute, value.int64)",
            attribute_offset(|value| unsafe { std::ptr::addr_of!((*value).int64) as usize }),
        ),
        assertion(
            "offsetof(spr_attribute, value.float64)",
            attribute_offset(|value| unsafe { std::ptr::addr_of!((*value).float64) as usize }),
        ),
        assertion(
            "offsetof(spr_attribute, value.bytes.data)",
            attribute_offset(|value| unsafe { std::ptr::addr_of!((*value).bytes.data) as usize }),
        ),
        assertion(
            "offsetof(spr_attribute, value.bytes.size)",
            attribute_offset(|value| unsafe { std::ptr::addr_of!((*value).bytes.size) as usize }),
        ),
        assertion(
            "offsetof(spr_attribute, value.array.values)",
            attribute_offset(|value| unsafe { std::ptr::addr_of!((*value).array.values) as usize }),
        ),
        assertion(
            "offsetof(spr_attribute, value.array.count)",
            attribute_offset(|value| unsafe { std::ptr::addr_of!((*value).array.count) as usize }),
        ),
        assertion(
            "offsetof(spr_attribute, value.key_values.pairs)",
            attribute_offset(|value| unsafe { std::ptr::addr_of!((*value).key_values.pairs) as usize }),
        ),
        assertion(
            "offsetof(spr_attribute, value.key_values.count)",
            attribute_offset(|value| unsafe { std::ptr::addr_of!((*value).key_values.count) as usize }),
        ),
    ]
    .concat()
}

fn attribute_offset(member: impl Fn(*const spr_attribute_value) -> usize) -> usize {
    let memory = MaybeUninit::<spr_attribute>::uninit();
    let base = memory.as_ptr();
    member(unsafe { std::ptr::addr_of!((*base).value) }) - base as usize
}

/// `pub const NAME: TYPE = VALUE;` as assertions.
fn constants(rust: &str) -> String {
    let mut c = String::new();
    for line in rust.lines().filter_map(|line| line.strip_prefix("pub const ")) {
        let (name, rest) = line.split_once(": ").expect("a type");
        let value = rest.split_once(" = ").expect("a value").1.trim_end_matches(';');
        let value = if value == "usize::MAX" { "SIZE_MAX" } else { value };
        c += &format!("_Static_assert({name} == {value}, \"{name} is {value} in Rust\");\n");
    }
    c
}

/// Name and C redeclaration of every function of the extern block.
fn functions(rust: &str) -> Vec<(String, String)> {
    let block = rust.split_once("extern \"C\" {").expect("an extern block").1;
    let block = &block[..block.rfind('}').expect("its end")];
    let code = block.lines().filter(|line| !line.trim_start().starts_with("///"));
    let block = code.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for text in block.split("pub fn ").skip(1) {
        let (name, rest) = text.split_once('(').expect("parameters");
        let (parameters, result) = rest.split_once(')').expect("the end of the parameters");
        let result = result.trim().trim_end_matches(';').strip_prefix("-> ").unwrap_or("()");
        let parameters: Vec<String> = parameters
            .split(',')
            .map(str::trim)
            .filter(|parameter| !parameter.is_empty())
            .map(|parameter| c_type(parameter.split_once(": ").expect("a type").1))
            .collect();
        let parameters = if parameters.is_empty() { "void".to_owned() } else { parameters.join(", ") };
        let result = c_type(result.trim());
        found.push((name.to_owned(), format!("{result} {name}({parameters});\n")));
    }
    found
}

fn c_type(rust: &str) -> String {
    if let Some(target) = rust.strip_prefix("*mut ") {
        return c_type(target) + " *";
    }
    if let Some(target) = rust.strip_prefix("*const ") {
        return c_type(target) + " const *";
    }
    let known = match rust {
        "()" => "void",
        "c_int" => "int",
        "c_char" => "char",
        "usize" => "size_t",
        "u32" => "uint32_t",
        "u64" => "uint64_t",
        "i64" => "int64_t",
        "f64" => "double",
        name if name.starts_with("spr_") => name,
        other => panic!("no C type for {other}"),
    };
    known.to_owned()
}

fn include_directory() -> PathBuf {
    match env::var_os("SPANRING_INCLUDE_DIR") {
        Some(directory) => directory.into(),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../include"),
    }
}

/// What the C compiler says about the header with this text below it: empty where it agrees.
fn complaints(name: &str, text: &str) -> String {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.c"));
    fs::write(&file, format!("#include <spanring/spanring.h>\n#include <spanring/test_kit.h>\n{text}"))
        .expect("a file for the C compiler");
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
    let mut words = compiler.split_whitespace();
    let output = Command::new(words.next().expect("CC names a compiler"))
        .args(words)
        .args(["-std=c11", "-Werror", "-fsyntax-only", "-I"])
        .arg(include_directory())
        .arg(&file)
        .output()
        .expect("a C compiler");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.success(), text.is_empty(), "{text}");
    text
}

#[test]
fn sizes_and_offsets_are_those_of_the_header() {
    assert_eq!(complaints("layouts", &layouts()), "");
}

#[test]
fn constants_are_those_of_the_header() {
    assert_eq!(complaints("constants", &constants(RUST)), "");
}

#[test]
fn signatures_are_those_of_the_header() {
    let text: String = functions(RUST).into_iter().map(|(_, declaration)| declaration).collect();
    assert_eq!(complaints("signatures", &text), "");
}

#[test]
fn a_wrong_declaration_is_found() {
    let wrong = assertion("offsetof(spr_attribute, value)", 8);
    assert!(complaints("wrong_offset", &wrong).contains("offsetof(spr_attribute, value) is 8 in Rust"));
    let wrong = "int spr_span_end(spr_span *);\n";
    assert!(complaints("wrong_signature", wrong).contains("conflicting types"));
}

#[test]
fn nothing_of_the_header_is_missing() {
    let header = fs::read_to_string(include_directory().join("spanring/spanring.h")).expect("the header");
    let words = |text: &str| -> BTreeSet<String> {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(str::to_owned).collect()
    };
    let declared: BTreeSet<String> = functions(RUST).into_iter().map(|(name, _)| name).collect();
    let mut public = BTreeSet::new();
    for declaration in header.split("\nSPR_PUBLIC ").skip(1) {
        let name = declaration.split('(').next().and_then(|text| text.rsplit([' ', '*']).next()).expect("a name");
        public.insert(name.to_owned());
    }
    assert!(public.len() > 20, "the header has more functions than {public:?}");
    assert_eq!(declared, public);

    // What only C needs: guards, attributes, literals, initialisers (the safe crate writes its own).
    let of_c = ["SPANRING_SPANRING_H", "SPR_PUBLIC", "SPR_NOEXCEPT", "SPR_S"];
    let known = words(RUST);
    for define in header.lines().filter_map(|line| line.strip_prefix("#define ")) {
        let name = define.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().expect("a name");
        assert!(known.contains(name) || of_c.contains(&name) || name.ends_with("_INIT"), "{name} is not in Rust");
    }
}

#[cfg(feature = "test-kit")]
#[test]
fn the_test_kit_is_that_of_its_header() {
    let layouts = [
        layout!(spr_test_resource { attributes, attribute_count, schema_url, schema_url_size }),
        layout!(spr_test_scope {
            name,
            name_size,
            version,
            version_size,
            schema_url,
            schema_url_size,
            attributes,
            attribute_count,
        }),
        layout!(spr_test_span {
            context,
            parent_span_id,
            parent_is_remote,
            is_open,
            kind,
            status,
            pid,
            start_time_ns,
            end_time_ns,
            name,
            name_size,
            trace_state,
            trace_state_size,
            status_message,
            status_message_size,
            attributes,
            attribute_count,
            events,
            event_count,
            links,
            link_count,
            dropped_attributes,
            dropped_events,
            dropped_links,
            reserved,
            scope,
            resource,
        }),
        layout!(spr_test_spans { spans, count, lost }),
    ];
    let signatures: String = functions(TEST_KIT).into_iter().map(|(_, declaration)| declaration).collect();
    assert!(signatures.contains("void spr_test_free"));
    assert_eq!(complaints("test_kit", &(layouts.concat() + &constants(TEST_KIT) + &signatures)), "");
}

//! What every question's description must keep to.

use std::collections::BTreeMap;

use http::HeaderName;

/// A path of plain segments, one of which may be a placeholder. None climbs, adds a query or is encoded.
pub(crate) fn is_plain_path(path: &str, placeholder: Option<&str>) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_plain = |segment: &str| {
        Some(segment) == placeholder || segment.bytes().all(fits) && !segment.bytes().all(|byte| byte == b'.')
    };
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_plain))
}

/// Any header but those that are set here, in visible ASCII.
pub(crate) fn are_free_headers(headers: &BTreeMap<String, String>) -> bool {
    let ours = ["host", "authorization", "content-type", "content-length", "transfer-encoding", "connection"];
    headers.iter().all(|(name, value)| {
        HeaderName::try_from(name).is_ok_and(|name| !ours.contains(&name.as_str()))
            && value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
    })
}

//! Random texts, and comparing secrets without telling by the time how much of them was right.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// 256 bits from the operating system at the moment of use, as 43 characters. None when it has none to give.
pub(crate) fn random() -> Option<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).ok()?;
    for part in parts {
        // Lengths keep ("a", "bc") apart from ("ab", "c").
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    Some(mac)
}

/// In constant time: both are hashed under one key, and the hashes are compared.
pub(crate) fn same(ours: &str, given: &str) -> bool {
    let hash = |text: &str| mac(ours.as_bytes(), &[text.as_bytes()]);
    match (hash(ours), hash(given)) {
        (Some(ours), Some(given)) => given.verify_slice(&ours.finalize().into_bytes()).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_compares_whole_texts() {
        assert!(same("abc", "abc") && same("", ""));
        assert!(!same("abc", "ab") && !same("abc", "abcd") && !same("abc", "abd") && !same("abc", ""));
    }

    #[test]
    fn parts_of_a_mac_do_not_run_together() {
        let hash = |parts: &[&[u8]]| mac(b"key", parts).unwrap().finalize().into_bytes();
        assert_ne!(hash(&[b"a", b"bc"]), hash(&[b"ab", b"c"]));
        assert_ne!(hash(&[b"a"]), hash(&[b"a", b""]));
    }

    #[test]
    fn random_texts_differ_and_are_long_enough_for_pkce() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert!(one != other && one.len() == 43, "PKCE wants 43 characters or more");
    }
}

//! Links that the library answers: tracked links, unsubscribe, preferences, confirmation, surveys.
//!
//! A link is `BASE/KIND/TOKEN`. The token names the stored message (a hash of its outbox key) and the number of the
//! link in it, under a message authentication code: no address, no name, no target. Whoever answers it looks the
//! message up and takes the target from its record ([`Target`]), so that a link can lead nowhere else (UNS-08), and a
//! token for one kind is no token for another.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// What a link does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LinkKind {
    /// Leads on to a target, and is counted.
    Click,
    Unsubscribe,
    Preferences,
    /// Confirms an asked consent.
    Confirm,
    Survey,
}

impl LinkKind {
    /// All.
    pub const ALL: [LinkKind; 5] =
        [LinkKind::Click, LinkKind::Unsubscribe, LinkKind::Preferences, LinkKind::Confirm, LinkKind::Survey];

    /// Its part of the path.
    pub fn path(self) -> &'static str {
        ["c", "u", "p", "k", "s"][self as usize]
    }

    /// As the store writes it.
    pub fn word(self) -> &'static str {
        ["click", "unsubscribe", "preferences", "confirm", "survey"][self as usize]
    }
}

/// A link of a message, to be kept with the message's record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    pub message: MessageId,
    pub kind: LinkKind,
    /// Counts the links of the message from 0; the token holds it.
    pub number: u16,
    /// Where a click leads; the survey's name; empty for the others.
    pub target: Arc<str>,
}

/// What stands in a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    pub kind: LinkKind,
    pub message: MessageId,
    pub number: u16,
}

/// Names a message outside, without telling anything: a code made of its key in the outbox and the store's secret, so that
/// messages of two stores differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MessageId([u8; 16]);

impl MessageId {
    /// In hexadecimal: in `Message-ID`, and to look the message up.
    pub fn hex(self) -> String {
        let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }
}

/// Makes and reads links.
#[derive(Clone)]
pub struct Links {
    base: Arc<str>,
    /// Of the key alone: cloned for each code.
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("base", &self.base).finish_non_exhaustive()
    }
}

const VERSION: u8 = 1;
const BODY: usize = 20;
const CODE: usize = 16;

impl Links {
    /// Links below `base`, such as `https://riverside.example/m`. The secret is the store's; whoever knows it can
    /// unsubscribe anybody.
    pub fn new(base: &str, secret: &[u8]) -> Links {
        let key = Sha256::digest([b"bookmobile link key 1\0", secret].concat());
        let mac = Hmac::new_from_slice(&key).expect("HMAC takes a key of any length");
        Links { base: base.trim_end_matches('/').into(), mac }
    }

    /// The base.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The name outside of the message with this key, which is unique in the outbox.
    pub fn message(&self, key: &str) -> MessageId {
        let code = self.mac(&[b"message\0", key.as_bytes()]).finalize().into_bytes();
        let mut id = [0; 16];
        id.copy_from_slice(&code[..16]);
        MessageId(id)
    }

    /// The URL of a link.
    pub fn url(&self, token: Token) -> String {
        let mut bytes = [0; BODY + CODE];
        bytes[0] = VERSION;
        bytes[1] = token.kind as u8;
        bytes[2..18].copy_from_slice(&token.message.0);
        bytes[18..BODY].copy_from_slice(&token.number.to_be_bytes());
        let code = self.mac(&[&bytes[..BODY]]).finalize().into_bytes();
        bytes[BODY..].copy_from_slice(&code[..CODE]);
        let mut url = String::with_capacity(self.base.len() + 3 + 2 * bytes.len());
        for part in [&self.base, "/", token.kind.path(), "/"] {
            url.push_str(part);
        }
        BASE64_URL_SAFE_NO_PAD.encode_string(bytes, &mut url);
        url
    }

    /// What a token says, if this library made it for this kind. The comparison takes the same time for every token.
    pub fn read(&self, kind: LinkKind, token: &str) -> Option<Token> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok().filter(|bytes| bytes.len() == BODY + CODE)?;
        self.mac(&[&bytes[..BODY]]).verify_truncated_left(&bytes[BODY..]).ok()?;
        if bytes[0] != VERSION || bytes[1] != kind as u8 {
            return None;
        }
        let mut message = [0; 16];
        message.copy_from_slice(&bytes[2..18]);
        Some(Token { kind, message: MessageId(message), number: u16::from_be_bytes([bytes[18], bytes[19]]) })
    }

    /// What a whole link says, as somebody pastes it: with anything before its kind and its token, in angle brackets,
    /// with a query behind. `None` for whatever this library did not make.
    pub fn parse(&self, link: &str) -> Option<Token> {
        let link = link.trim().trim_start_matches('<').trim_end_matches('>');
        let path = link.split(['?', '#']).next()?.trim_end_matches('/');
        let mut parts = path.rsplit('/');
        let (token, kind) = (parts.next()?, parts.next()?);
        let kind = LinkKind::ALL.into_iter().find(|known| known.path() == kind)?;
        self.read(kind, token)
    }

    fn mac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        parts.iter().for_each(|part| mac.update(part));
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        let message = Links::new("", b"secret").message("welcome-ana-1");
        Token { kind: LinkKind::Unsubscribe, message, number: 3 }
    }

    #[test]
    fn a_token_says_what_was_put_in() {
        let links = Links::new("https://library.example/m/", b"secret");
        let url = links.url(token());
        let read = url.strip_prefix("https://library.example/m/u/").expect("the base and the kind");
        assert_eq!(links.read(LinkKind::Unsubscribe, read), Some(token()));
        assert_eq!(links.url(token()), url, "the same link each time");
        assert!(!url.contains("ana"));
        for pasted in [url.clone(), format!(" <{url}>\n"), format!("{url}?utm=1"), format!("{url}/")] {
            assert_eq!(links.parse(&pasted), Some(token()), "{pasted}");
        }
        assert_eq!(links.parse(&url.replace("/u/", "/k/")), None);
        assert_eq!(links.parse("https://library.example/m/u/"), None);
    }

    #[test]
    fn uns_01_a_changed_token_of_another_key_or_kind_is_none() {
        let links = Links::new("https://library.example", b"secret");
        let url = links.url(token());
        let good = url.rsplit('/').next().expect("a token");
        assert_eq!(links.read(LinkKind::Click, good), None);
        assert_eq!(Links::new("https://library.example", b"other").read(LinkKind::Unsubscribe, good), None);
        assert_eq!(links.read(LinkKind::Unsubscribe, &good[..good.len() - 2]), None);
        for at in 0..good.len() {
            let mut changed = good.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(links.read(LinkKind::Unsubscribe, &changed), None, "{changed}");
        }
    }
}

//! Messages as files: `DIR/YYYY-MM-DD/CAMPAIGN-MESSAGE-ID.eml`, `.txt` for an SMS, `.html` for a letter.
//!
//! A file appears whole or not at all, and one name stands for one message: what is there already is not written
//! again, on whichever day it was written.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::deliver::address::phone_number;
use crate::deliver::email::compose;
use crate::deliver::{Handed, Outgoing, Transport, TransportError};
use crate::message::Content;
use crate::message::sms::Encoding;

/// Writes messages below a folder.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    /// What is there, by file name.
    written: HashMap<String, PathBuf>,
}

impl Directory {
    /// Below `root`, which is made where it is missing.
    ///
    /// # Errors
    /// If it cannot be made or read.
    pub fn open(root: &Path) -> io::Result<Directory> {
        fs::create_dir_all(root)?;
        let mut written = HashMap::new();
        for day in fs::read_dir(root)? {
            let day = day?.path();
            if !day.is_dir() {
                continue;
            }
            for file in fs::read_dir(&day)? {
                let file = file?;
                written.insert(file.file_name().to_string_lossy().into_owned(), file.path());
            }
        }
        Ok(Directory { root: root.to_path_buf(), written })
    }

    fn write(&self, folder: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        fs::create_dir_all(folder)?;
        let draft = folder.join(format!(".{name}.part"));
        let path = folder.join(name);
        let mut file = File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&draft, &path)?;
        Ok(path)
    }
}

impl Transport for Directory {
    fn hand_over(&mut self, message: &Outgoing<'_>) -> Result<Handed, TransportError> {
        let ending = ending(&message.rendered.content);
        let name = format!("{}-{}-{}.{ending}", message.campaign, message.message, message.rendered.id.hex());
        if let Some(path) = self.written.get(&name) {
            return Ok(Handed { reference: path.display().to_string(), is_repeat: true });
        }
        let bytes = content(message)?;
        let folder = self.root.join(message.day.to_string());
        let path = self.write(&folder, &name, &bytes).map_err(|error| {
            TransportError::Failed(format!("cannot write {}: {error}", folder.join(&name).display()))
        })?;
        let reference = path.display().to_string();
        self.written.insert(name, path);
        Ok(Handed { reference, is_repeat: false })
    }

    fn at_once(&self) -> usize {
        64
    }

    fn taken(&self) -> Option<HashSet<String>> {
        let id = |name: &String| Some(name.rsplit_once('.')?.0.rsplit_once('-')?.1.to_owned());
        Some(self.written.keys().filter_map(id).collect())
    }
}

fn ending(content: &Content) -> &'static str {
    match content {
        Content::Email { .. } => "eml",
        Content::Sms { .. } => "txt",
        Content::Print { .. } => "html",
        Content::Published { .. } => "json",
    }
}

/// The bytes of a message's file.
fn content(message: &Outgoing<'_>) -> Result<Vec<u8>, TransportError> {
    Ok(match &message.rendered.content {
        Content::Email { .. } => compose(message)?,
        Content::Sms { text, segments } => {
            let to = phone_number(message.to).map_err(|error| TransportError::Refused(error.to_string()))?;
            let encoding = match segments.encoding {
                Encoding::Gsm7 => "GSM-7",
                Encoding::Ucs2 => "UCS-2",
            };
            format!("To: {to}\nSegments: {} ({encoding})\n\n{text}\n", segments.count).into_bytes()
        }
        Content::Print { html, .. } => html.clone().into_bytes(),
        Content::Published { title, html, link, .. } => {
            let item = serde_json::json!({
                "channel": message.rendered.channel.word(),
                "language": message.rendered.language.as_str(),
                "until": message.until.map(|day| day.to_string()),
                "title": title,
                "html": html,
                "link": link,
            });
            format!("{item:#}\n").into_bytes()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Channel, MailAddress};
    use crate::message::Rendered;
    use crate::message::link::Links;
    use crate::message::sms::segments;
    use crate::time::{Day, Instant};

    fn outgoing<'a>(rendered: &'a Rendered, from: &'a MailAddress, day: Day) -> Outgoing<'a> {
        Outgoing {
            rendered,
            campaign: "welcome".into(),
            message: "hello".into(),
            to: "+1 519 555 0100",
            from: Some(from),
            reply_to: None,
            at: Instant(0),
            day,
            until: None,
        }
    }

    #[test]
    fn a_message_is_written_once_whatever_the_day() {
        let folder = tempfile::tempdir().expect("a folder");
        let from = MailAddress { name: None, address: "news@library.example".into() };
        let text = "Your card is ready.".to_owned();
        let rendered = Rendered {
            id: Links::new("", b"secret").message("a"),
            channel: Channel::Sms,
            language: "en".into(),
            content: Content::Sms { segments: segments(&text), text },
            links: Vec::new(),
            unsubscribe: None,
        };
        let day = Day::new(2026, 11, 23).expect("a date");
        let mut directory = Directory::open(folder.path()).expect("a folder");
        let handed = directory.hand_over(&outgoing(&rendered, &from, day)).expect("it is written");
        assert!(!handed.is_repeat);
        let written = fs::read_to_string(&handed.reference).expect("the file");
        assert_eq!(written, "To: +15195550100\nSegments: 1 (GSM-7)\n\nYour card is ready.\n");
        assert!(handed.reference.contains("2026-11-23"));

        let mut again = Directory::open(folder.path()).expect("a folder");
        let repeated = again.hand_over(&outgoing(&rendered, &from, day.plus_days(1))).expect("it is there");
        assert_eq!(repeated, Handed { is_repeat: true, ..handed });
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
    }
}

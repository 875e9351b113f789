//! A template: Handlebars text whose every placeholder is resolved to a typed expression.

use std::sync::Arc;

/// A checked template.
#[derive(Clone, Debug)]
pub struct Template {
    /// As the author wrote it.
    pub source: Arc<str>,
}

//! Messages: templates parsed, type-checked and rendered; Markdown, layouts, text parts.

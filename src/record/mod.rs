//! A record's text: find fields, append annotations, touch nothing else.

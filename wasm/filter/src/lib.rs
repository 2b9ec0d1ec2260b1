//! The filter as Fluent Bit loads it.

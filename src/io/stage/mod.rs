//! Stage directories: Arrow tables and a manifest.

//! Orders in which ready tasks start.

/// A built-in policy: name and what it ranks by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Described {
    pub name: &'static str,
    pub description: &'static str,
}

/// All built-in policies, by name.
pub fn all() -> Vec<Described> {
    Vec::new()
}

/// The built-in policy of that name.
pub fn find(name: &str) -> Option<&'static str> {
    let _ = name;
    None
}

//! `--web.telemetry-path`: a path that collides with no other page and has no special meaning to
//! the router.

use std::str::FromStr;
use thiserror::Error;

/// Where the metrics are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryPath(String);

/// Why a path cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// It is not absolute.
    #[error("{0:?} does not begin with a slash")]
    Relative(String),
    /// It has characters that a URL path would have to escape, or that mean something there.
    #[error("{0:?} has characters other than letters, digits and - . _ ~ /")]
    Characters(String),
    /// Other pages are there.
    #[error("{0:?} is the path of another page")]
    Taken(String),
}

impl TelemetryPath {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for TelemetryPath {
    fn default() -> Self {
        Self(String::from("/metrics"))
    }
}

impl FromStr for TelemetryPath {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        let own = || path.to_owned();
        if !path.starts_with('/') {
            return Err(PathError::Relative(own()));
        }
        if !path.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/".contains(&b)) {
            return Err(PathError::Characters(own()));
        }
        let first = path[1..].split('/').next().unwrap_or_default();
        if ["-", "static", "api", "storms"].contains(&first) {
            return Err(PathError::Taken(own()));
        }
        Ok(Self(own()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_would_not_work_are_refused() {
        for good in ["/", "/metrics", "/a/b", "/x/", "/-x"] {
            assert_eq!(TelemetryPath::from_str(good).unwrap().as_str(), good);
        }
        assert_eq!("metrics".parse::<TelemetryPath>(), Err(PathError::Relative("metrics".into())));
        assert_eq!("".parse::<TelemetryPath>(), Err(PathError::Relative(String::new())));
        for bad in ["/{a}", "/a b", "/a?b", "/ä"] {
            assert_eq!(bad.parse::<TelemetryPath>(), Err(PathError::Characters(bad.into())));
        }
        for taken in ["/-/ready", "/static/style.css", "/api/v1", "/-", "/storms/1"] {
            assert_eq!(taken.parse::<TelemetryPath>(), Err(PathError::Taken(taken.into())));
        }
    }
}

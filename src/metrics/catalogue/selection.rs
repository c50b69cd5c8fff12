//! Which collectors a request wants: `collect[]` and `exclude[]`, as in `node_exporter`.

use super::Collector;
use crate::set::Set;
use thiserror::Error;

/// A set of collectors.
pub type Selection = Set<Collector>;

/// What is wrong with `collect[]` and `exclude[]`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SelectionError {
    /// No collector has that name.
    #[error("unknown collector {name:?}; there are {}", names())]
    Unknown {
        /// What was asked for, cut to 64 characters.
        name: String,
    },
    /// Both were given.
    #[error("collect[] and exclude[] cannot be used together")]
    Both,
}

impl Selection {
    /// Reads the parameters `collect[]` and `exclude[]`; others are not looked at. Without
    /// either, all collectors are wanted.
    ///
    /// # Errors
    /// A name that no collector has, or both parameters in one query.
    pub fn parse<'q>(
        query: impl IntoIterator<Item = (&'q str, &'q str)>,
    ) -> Result<Self, SelectionError> {
        let (mut collect, mut exclude) = (None, None);
        for (key, name) in query {
            let chosen: &mut Option<Self> = match key {
                "collect[]" => &mut collect,
                "exclude[]" => &mut exclude,
                _ => continue,
            };
            let collector = Collector::ALL
                .into_iter()
                .find(|c| c.label() == name)
                .ok_or_else(|| SelectionError::Unknown { name: name.chars().take(64).collect() })?;
            chosen.get_or_insert_default().insert(collector);
        }
        match (collect, exclude) {
            (Some(_), Some(_)) => Err(SelectionError::Both),
            (Some(wanted), None) => Ok(wanted),
            (None, Some(unwanted)) => Ok(Self::ALL.difference(unwanted)),
            (None, None) => Ok(Self::ALL),
        }
    }
}

fn names() -> String {
    Collector::ALL.map(Collector::label).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collect_names_what_is_wanted_and_exclude_what_is_not() {
        assert_eq!(Selection::parse([]), Ok(Selection::ALL));
        assert_eq!(Selection::parse([("debug", "1")]), Ok(Selection::ALL));
        let some = Selection::parse([("collect[]", "mdns"), ("collect[]", "process")]).unwrap();
        assert_eq!(some.iter().collect::<Vec<_>>(), [Collector::Process, Collector::Mdns]);
        let rest = Selection::parse([("exclude[]", "devices")]).unwrap();
        assert_eq!(rest.iter().count(), Collector::COUNT - 1);
        assert!(!rest.contains(Collector::Devices));
    }

    #[test]
    fn unknown_names_and_both_together_are_errors() {
        let error = Selection::parse([("collect[]", "cpu")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown collector \"cpu\"; there are exporter, process, syscalls, sockets, captures, segments, storms, conditions, mdns, devices"
        );
        assert_eq!(
            Selection::parse([("collect[]", "mdns"), ("exclude[]", "devices")]),
            Err(SelectionError::Both)
        );
    }
}

//! The shipped rules without their annotations, for tests that ask what fires and not what it says:
//! promtool expands all texts of an alert at each evaluation, and most of its time goes into that.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes both files of rules to a folder, and hands out where they are.
pub fn rules(directory: &Path) -> [PathBuf; 2] {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus");
    ["recording.rules.yml", "alerts.rules.yml"].map(|name| {
        let text = fs::read_to_string(shipped.join(name)).expect("it is shipped");
        let mut rules: Value = serde_saphyr::from_str(&text).expect("YAML");
        for group in rules["groups"].as_array_mut().expect("groups") {
            for rule in group["rules"].as_array_mut().expect("rules") {
                rule.as_object_mut().expect("a rule").remove("annotations");
            }
        }
        let path = directory.join(name);
        // JSON is YAML.
        fs::write(&path, rules.to_string()).expect("a file of ours");
        path
    })
}

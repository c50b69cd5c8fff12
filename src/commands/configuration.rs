//! The configuration file: read before anything is captured, and again at SIGHUP. A file that
//! cannot be used changes nothing: the old one holds, a warning and a metric say so.

use crate::config::{Config, ConfigError};
use crate::lan::Lan;
use crate::pipeline::{PolicyOf, usual_policy};
use crate::time::clock;
use parking_lot::RwLock;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::{info, warn};

/// What `--config.file` says, now.
#[derive(Default)]
pub struct Configuration {
    /// `None` without a file.
    file: Option<File>,
}

struct File {
    path: PathBuf,
    config: Arc<RwLock<Config>>,
}

impl Configuration {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// A line that names the flag, the file and what is wrong.
    pub fn load(path: Option<&Path>) -> Result<Self, String> {
        let Some(path) = path else { return Ok(Self { file: None }) };
        let config = Arc::new(RwLock::new(Self::read(path)?));
        Ok(Self { file: Some(File { path: path.to_owned(), config }) })
    }

    /// Reads a file that is read only once.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn read(path: &Path) -> Result<Config, String> {
        Config::load(path).map_err(|error| wrong(path, &error))
    }

    /// What is expected on each segment, by the file as it was read last.
    pub fn expecting(&self) -> PolicyOf {
        let Some(file) = &self.file else { return usual_policy() };
        let config = Arc::clone(&file.config);
        Arc::new(move |label| Arc::new(config.read().policy(label)))
    }

    /// How much is in the file, if there is one.
    pub fn summary(&self) -> Option<String> {
        let File { path, config } = self.file.as_ref()?;
        let config = config.read();
        let (devices, segments) = (config.devices(), config.segments());
        let name = path.display();
        Some(format!("{name}: {devices} devices and {segments} entries for segments"))
    }

    /// Says in `lan` that the file was read.
    pub fn tell(&self, lan: &Lan) {
        if self.file.is_some() {
            lan.set_configured(clock::now().wall);
        }
    }

    /// Reads the file again and applies it to all that is captured, or says why not.
    pub fn reload(&self, lan: &Lan) {
        let Some(file) = &self.file else {
            info!("SIGHUP: there is no --config.file to read again");
            return;
        };
        match Config::load(&file.path) {
            Ok(config) => {
                let (devices, segments) = (config.devices(), config.segments());
                *file.config.write() = config;
                let expecting = self.expecting();
                for tap in lan.taps() {
                    tap.with_pipeline(|pipeline| pipeline.handle_policy(&expecting));
                }
                self.tell(lan);
                info!(file = %file.path.display(), devices, segments, "configuration read again");
            }
            Err(error) => {
                lan.set_reload_failed();
                warn!("{}; the configuration stays as it was", wrong(&file.path, &error));
            }
        }
    }
}

fn wrong(path: &Path, error: &ConfigError) -> String {
    format!("--config.file={}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::test_settings;
    use crate::interfaces::Surroundings;
    use crate::pipeline::Pipeline;
    use crate::segment::Label;
    use std::fs;

    #[test]
    fn a_good_file_holds_at_once_and_a_bad_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.yml");
        fs::write(&path, "limits: {signalling: 100}\n").unwrap();
        let configuration = Configuration::load(Some(&path)).expect("valid");
        let lan = Lan::default();
        configuration.tell(&lan);
        let settings =
            || crate::pipeline::Settings { policy: configuration.expecting(), ..test_settings() };
        lan.tap("eth0", || {
            Pipeline::live(settings(), "eth0", Surroundings::default(), clock::now())
        });
        let signalling = || {
            let expecting = configuration.expecting();
            expecting(&Label::from("eth0")).limits.signalling
        };
        assert_eq!(signalling(), Some(100));
        let first = lan.reload().expect("read");
        assert!(first.successful);

        fs::write(&path, "limits: {signaling: 200}\n").unwrap();
        configuration.reload(&lan);
        assert_eq!(signalling(), Some(100), "the old one holds");
        let failed = lan.reload().expect("read");
        assert_eq!((failed.successful, failed.last_success), (false, first.last_success));

        fs::write(&path, "limits: {signalling: 200}\n").unwrap();
        configuration.reload(&lan);
        assert_eq!(signalling(), Some(200));
        let third = lan.reload().expect("read");
        assert!(third.successful && third.last_success >= first.last_success);
    }

    #[test]
    fn without_a_file_nothing_is_said() {
        let lan = Lan::default();
        let configuration = Configuration::load(None).expect("nothing to read");
        configuration.tell(&lan);
        configuration.reload(&lan);
        assert_eq!(lan.reload(), None);
        let missing = Configuration::load(Some(Path::new("none.yml"))).err().expect("not there");
        assert!(missing.starts_with("--config.file=none.yml: "), "{missing}");
    }
}

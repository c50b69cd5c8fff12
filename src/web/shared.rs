//! Renderings that requests share: those who wait for the same get the same body.
//!
//! The rule: whoever comes before the state is copied gets what is made of that copy; whoever comes
//! later waits for the next copy. So nobody gets a state from before his own request, and while one
//! body is rendered for some, at most one more waits to be rendered for all the others, however
//! many they are. It must not know what is rendered.

use super::gate::{Gate, Refused};
use crate::lan::Deadline;
use axum::body::Bytes;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// Longer than anybody waits: a group whose members have all gone ends before.
const LONGEST: Duration = Duration::from_hours(1);

/// Locks are waited for until somebody gives up; what was copied by then is still rendered. Less
/// than what is kept of the scrape's time-out.
const RENDERED: Duration = Duration::from_millis(400);

/// What came of it; `None` while it is waited for.
type Told = Option<Result<Bytes, Refused>>;

/// Those who wait for the same.
struct Group {
    tell: Arc<watch::Sender<Told>>,
    /// When the last of them gives up.
    end: Deadline,
}

/// The groups of which nothing is rendered yet, by what they wait for.
pub(super) struct Shared<K> {
    waiting: Arc<Mutex<HashMap<K, Group>>>,
}

impl<K> Default for Shared<K> {
    fn default() -> Self {
        Self { waiting: Arc::default() }
    }
}

impl<K: Copy + Eq + Hash + Send + 'static> Shared<K> {
    /// The body that `work` makes for all who wait for `key`, with an empty buffer, until the last
    /// of them gives up; as [`Gate::pass`] runs it. Of several who wait, one's work is done: it is told
    /// when the last of them gives up.
    ///
    /// # Errors
    /// As [`Gate::pass`].
    pub async fn pass(
        &self,
        gate: &Arc<Gate>,
        key: K,
        patience: Duration,
        work: impl FnOnce(Vec<u8>, Deadline) -> Option<Vec<u8>> + Send + 'static,
    ) -> Result<Bytes, Refused> {
        let entry = gate.enter()?;
        let end = Deadline::after(patience);
        let mut told = {
            let mut waiting = self.waiting.lock();
            if let Some(group) = waiting.get_mut(&key) {
                group.end = group.end.max(end);
                group.tell.subscribe()
            } else {
                let (tell, told) = watch::channel(None);
                let tell = Arc::new(tell);
                waiting.insert(key, Group { tell: Arc::clone(&tell), end });
                // Not in this request's own task: it ends when its client goes, and others wait.
                tokio::spawn(render(Arc::clone(&self.waiting), Arc::clone(gate), key, tell, work));
                told
            }
        };
        let result = timeout(patience + RENDERED, told.wait_for(Option::is_some)).await;
        let result = result.map_err(|_| Refused::Late)?.map_err(|_| Refused::Broken)?;
        let bytes = result.clone().unwrap_or(Err(Refused::Broken))?;
        Ok(entry.keep(bytes))
    }
}

/// Renders for a group when its turn comes, unless all have gone by then.
async fn render<K: Copy + Eq + Hash + Send + 'static>(
    waiting: Arc<Mutex<HashMap<K, Group>>>,
    gate: Arc<Gate>,
    key: K,
    tell: Arc<watch::Sender<Told>>,
    work: impl FnOnce(Vec<u8>, Deadline) -> Option<Vec<u8>> + Send + 'static,
) {
    // Whoever comes from then on belongs to another group.
    let close = {
        let (waiting, tell) = (Arc::clone(&waiting), Arc::clone(&tell));
        move || {
            let mut waiting = waiting.lock();
            let is_ours = waiting.get(&key).is_some_and(|group| Arc::ptr_eq(&group.tell, &tell));
            if is_ours { waiting.remove(&key) } else { None }
        }
    };
    let begin = close.clone();
    let work = move |buffer| work(buffer, begin()?.end);
    let mut running = std::pin::pin!(gate.run(LONGEST, work));
    let result = loop {
        tokio::select! {
            result = &mut running => break result,
            () = tell.closed() => {
                let mut waiting = waiting.lock();
                // Somebody may have come in between.
                if tell.receiver_count() == 0 {
                    waiting.retain(|_, group| !Arc::ptr_eq(&group.tell, &tell));
                    return;
                }
            }
        }
    };
    // If the work never began.
    drop(close());
    tell.send_replace(Some(result));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};
    use std::sync::mpsc;
    use tokio::task::JoinHandle;

    const LONG: Duration = Duration::from_mins(1);

    /// Renderings of which each is another number.
    #[derive(Clone, Default)]
    struct Site {
        gate: Arc<Gate>,
        shared: Arc<Shared<char>>,
        rendered: Arc<AtomicU8>,
    }

    impl Default for Gate {
        fn default() -> Self {
            Self::new(0)
        }
    }

    impl Site {
        fn ask(&self, key: char) -> JoinHandle<Result<Bytes, Refused>> {
            let Self { gate, shared, rendered } = self.clone();
            let work = move |_, _| Some(vec![rendered.fetch_add(1, Ordering::SeqCst)]);
            tokio::spawn(async move { shared.pass(&gate, key, LONG, work).await })
        }

        /// Keeps the gate busy until the sender says so.
        fn busy(&self) -> mpsc::Sender<()> {
            let (done, wait) = mpsc::channel();
            let gate = Arc::clone(&self.gate);
            tokio::spawn(async move {
                gate.pass(LONG, move |_| wait.recv().ok().map(|()| vec![])).await
            });
            done
        }
    }

    async fn settle() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    async fn number(asked: JoinHandle<Result<Bytes, Refused>>) -> u8 {
        asked.await.unwrap().unwrap()[0]
    }

    #[tokio::test]
    async fn who_waits_for_the_same_gets_the_same() {
        let site = Site::default();
        let busy = site.busy();
        settle().await;
        let asked: Vec<_> = "aaaabaaa".chars().map(|key| site.ask(key)).collect();
        settle().await;
        busy.send(()).unwrap();
        let mut numbers = Vec::new();
        for one in asked {
            numbers.push(number(one).await);
        }
        assert_eq!(numbers, [0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(number(site.ask('a')).await, 2, "a body is for those who waited for it");
        assert!(site.shared.waiting.lock().is_empty());
    }

    #[tokio::test]
    async fn who_comes_after_the_state_was_copied_waits_for_the_next() {
        let site = Site::default();
        let (begun, has_begun) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let first = tokio::spawn({
            let Site { gate, shared, .. } = site.clone();
            let work = move |_, _| {
                begun.send(()).unwrap();
                wait.recv().ok().map(|()| vec![100])
            };
            async move { shared.pass(&gate, 'a', LONG, work).await }
        });
        let begun = tokio::task::spawn_blocking(move || has_begun.recv());
        begun.await.unwrap().unwrap();
        let second = site.ask('a');
        settle().await;
        go.send(()).unwrap();
        assert_eq!((number(first).await, number(second).await), (100, 0));
    }

    #[tokio::test]
    async fn others_get_it_when_who_asked_first_has_gone_and_nobody_leaves_nothing() {
        let site = Site::default();
        let busy = site.busy();
        settle().await;
        let (first, second, alone) = (site.ask('a'), site.ask('a'), site.ask('b'));
        settle().await;
        first.abort();
        alone.abort();
        settle().await;
        assert_eq!(site.shared.waiting.lock().len(), 1, "nobody waits for b");
        busy.send(()).unwrap();
        assert_eq!(number(second).await, 0);
        assert_eq!(site.rendered.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn who_waits_too_long_is_refused_and_a_failure_is_everybodys() {
        let site = Site::default();
        let busy = site.busy();
        settle().await;
        let short = Duration::from_millis(1);
        let late = site.shared.pass(&site.gate, 'a', short, |_, _| Some(vec![])).await;
        assert_eq!(late.unwrap_err(), Refused::Late);
        settle().await;
        let panics = site.shared.pass(&site.gate, 'a', LONG, |_, _| panic!("as the test wants"));
        let (broken, joined) = tokio::join!(panics, async {
            settle().await;
            let joined = site.ask('a');
            settle().await;
            busy.send(()).unwrap();
            joined.await.unwrap()
        });
        assert_eq!((broken.unwrap_err(), joined.unwrap_err()), (Refused::Broken, Refused::Broken));
    }
}

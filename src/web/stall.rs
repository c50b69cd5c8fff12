//! A stream that gives up on a client that does not take what it asked for.
//!
//! Writes fail when everything written so far has not been taken within the given time, and much
//! sooner when nothing at all is. hyper has no such limits, and a body that nobody takes holds its
//! memory, and a place that others wait for.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A connection with a limit on its writes.
pub(super) struct Stall<S, F> {
    stream: S,
    limit: Duration,
    /// Runs from the first write that had to wait to the next flush that succeeds. A client that
    /// takes a byte now and then cannot stop it.
    waiting: Option<Pin<Box<Sleep>>>,
    /// For a client to take anything.
    patience: Duration,
    /// Runs from the first write that had to wait to the next that succeeds.
    idle: Option<Pin<Box<Sleep>>>,
    /// Hears of each flush.
    flushed: F,
}

impl<S, F> Stall<S, F> {
    /// `patience` is for a client to take anything, `limit` to take everything.
    pub(super) const fn new(stream: S, patience: Duration, limit: Duration, flushed: F) -> Self {
        Self { stream, limit, waiting: None, patience, idle: None, flushed }
    }

    fn limited<T>(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_pending() {
            let limit = self.limit;
            self.waiting.get_or_insert_with(|| Box::pin(sleep(limit)));
            let patience = self.patience;
            self.idle.get_or_insert_with(|| Box::pin(sleep(patience)));
        } else {
            self.idle = None;
        }
        let mut is_over = |timer: &mut Option<Pin<Box<Sleep>>>| {
            timer.as_mut().is_some_and(|timer| timer.as_mut().poll(context).is_ready())
        };
        // Both, so that both wake this task.
        let is_over = [is_over(&mut self.waiting), is_over(&mut self.idle)];
        if is_over.contains(&true) {
            let why = "the client did not take the response in time";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)));
        }
        result
    }
}

impl<S: AsyncRead + Unpin, F: Unpin> AsyncRead for Stall<S, F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin, F: Fn() + Unpin> AsyncWrite for Stall<S, F> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.limited(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.limited(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        let result = self.limited(context, result);
        if matches!(result, Poll::Ready(Ok(()))) {
            self.waiting = None;
            (self.flushed)();
        }
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(context);
        self.limited(context, result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::clock;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up_sooner_than_one_that_takes_little() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut ours = Stall::new(ours, Duration::from_millis(200), LONG, || {});
        let dribble = tokio::spawn(async move {
            let mut byte = [0];
            for _ in 0..50 {
                theirs.read_exact(&mut byte).await.unwrap();
                sleep(Duration::from_millis(10)).await;
            }
            theirs
        });
        let before = clock::now().monotonic;
        let error = ours.write_all(&[0; 1_000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let took = clock::now().monotonic.since(before);
        assert!(took > Duration::from_millis(600), "it took {took:?}");
        drop(dribble.await.unwrap());
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut ours = Stall::new(ours, LONG, Duration::from_millis(10), || {});
        let error = ours.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_dribbles_is_given_up() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut ours = Stall::new(ours, LONG, Duration::from_millis(30), || {});
        let dribble = tokio::spawn(async move {
            let mut byte = [0];
            while theirs.read_exact(&mut byte).await.is_ok() {
                sleep(Duration::from_millis(1)).await;
            }
        });
        let error = ours.write_all(&vec![0; 1_000_000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(ours);
        dribble.await.unwrap();
    }

    #[tokio::test]
    async fn a_flush_ends_the_wait() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut ours = Stall::new(ours, LONG, Duration::from_mins(1), || {});
        let reader = tokio::spawn(async move {
            let mut all = vec![0; 64];
            theirs.read_exact(&mut all).await.unwrap();
        });
        ours.write_all(&[0; 64]).await.unwrap();
        ours.flush().await.unwrap();
        assert!(ours.waiting.is_none());
        reader.await.unwrap();
    }
}

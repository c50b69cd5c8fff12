//! What a connection is doing: whether it waits for its client or answers it. From the service that
//! is asked, the body that it answers with, and the stream that writes it.

use super::places::Place;
use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::Service;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};

const WAITING: u8 = 0;
const ASKED: u8 = 1;
/// The body was handed over, and may still have to be written.
const ANSWERED: u8 = 2;

/// What one connection is doing.
#[derive(Debug)]
pub(super) struct Activity {
    place: Place,
    state: AtomicU8,
    has_asked: AtomicBool,
}

impl Activity {
    pub(super) fn new(place: Place) -> Arc<Self> {
        let has_asked = AtomicBool::new(false);
        Arc::new(Self { place, state: AtomicU8::new(WAITING), has_asked })
    }

    /// Whether its client has ever asked for anything.
    pub(super) fn has_asked(&self) -> bool {
        self.has_asked.load(Ordering::Relaxed)
    }

    /// Ends when it has to give way.
    pub(super) async fn dismissed(&self) {
        self.place.dismissed().await;
    }

    /// Everything written so far has been taken.
    pub(super) fn handle_flush(&self) {
        let order = Ordering::Relaxed;
        if self.state.compare_exchange(ANSWERED, WAITING, order, order).is_ok() {
            self.place.set_idle(true);
        }
    }

    fn handle_request(&self) {
        self.has_asked.store(true, Ordering::Relaxed);
        self.state.store(ASKED, Ordering::Relaxed);
        self.place.set_idle(false);
    }
}

/// A service whose requests are noted.
pub(super) struct Attended<S> {
    service: S,
    activity: Arc<Activity>,
}

impl<S> Attended<S> {
    pub(super) fn new(service: S, activity: &Arc<Activity>) -> Self {
        Self { service, activity: Arc::clone(activity) }
    }
}

impl<S> Service<Request<Incoming>> for Attended<S>
where
    S: Service<Request<Incoming>, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.activity.handle_request();
        let answering = Answering(Arc::clone(&self.activity));
        let response = self.service.call(request);
        Box::pin(async move {
            let response = response.await?;
            Ok(response.map(|body| Body::new(Noted { body, _answering: answering })))
        })
    }
}

/// Alive until the body has been handed over.
struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.state.store(ANSWERED, Ordering::Relaxed);
    }
}

/// A body whose end is noted.
struct Noted {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Noted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

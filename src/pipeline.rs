//! The way of one capture's frames: timeline, decode, segment, engine. Live captures and files go
//! through here alike. A live capture's pipeline stands behind one lock, taken once a batch.

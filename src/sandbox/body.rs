//! Response bodies for hyper: whole, cut off, endless. Does not decide which.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use thiserror::Error;

/// A response body.
pub(super) enum SentBody {
    /// All of it.
    Whole(Bytes),
    /// As much as `bytes`, of `promised` bytes.
    Cut { bytes: Bytes, promised: u64, flushed: bool },
    /// The same bytes again and again.
    Endless(Bytes),
}

/// A fault ends the connection here.
#[derive(Debug, Error)]
pub(super) enum ConnectionEnd {
    /// Without an answer.
    #[error("the connection is torn down")]
    Unanswered,
    /// In the middle of one.
    #[error("the answer is cut off")]
    Cut,
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = ConnectionEnd;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ConnectionEnd>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Cut { bytes, flushed: true, .. } if bytes.is_empty() => Poll::Ready(Some(Err(ConnectionEnd::Cut))),
            Self::Cut { bytes, flushed, .. } if bytes.is_empty() => {
                // One turn without a frame, in which hyper writes out what it holds; an error would discard it.
                *flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Whole(bytes) | Self::Cut { bytes, .. } => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Endless(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes.clone())))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Cut { promised, .. } => SizeHint::with_exact(*promised),
            Self::Endless(_) => SizeHint::default(),
        }
    }
}

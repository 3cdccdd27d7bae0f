//! An HTTP/2 stream's task, ended where the peer leaves no room for the reply.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::stream::Activity;

/// What a reply did when it was last asked for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// It gave a piece, which the peer has to take.
    Piece,
    /// It had none yet: the peer waits for us.
    Nothing,
}

/// Runs hyper's per-stream tasks on the thread of their connection.
#[derive(Clone, Debug)]
pub(crate) struct Here {
    activity: Rc<Activity>,
    patience: Duration,
}

impl Here {
    /// A peer may take `patience` for each piece of a reply.
    pub(crate) fn new(activity: &Rc<Activity>, patience: Duration) -> Self {
        Self { activity: Rc::clone(activity), patience }
    }
}

impl<F: Future + 'static> hyper::rt::Executor<F> for Here {
    fn execute(&self, stream: F) {
        let here = self.clone();
        tokio::task::spawn_local(async move { here.drive(stream).await });
    }
}

impl Here {
    /// Runs a stream to its end. Where the peer takes too long, it is dropped, which resets it; the
    /// connection goes on.
    async fn drive<F: Future>(self, stream: F) {
        let mut stream = pin!(stream);
        let mut clock: Option<Pin<Box<Sleep>>> = None;
        poll_fn(|cx| self.step(cx, stream.as_mut(), &mut clock)).await;
    }

    fn step<F: Future>(
        &self,
        cx: &mut Context<'_>,
        stream: Pin<&mut F>,
        clock: &mut Option<Pin<Box<Sleep>>>,
    ) -> Poll<()> {
        self.activity.handed.set(None);
        if stream.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        // Only a piece taken starts the clock again: what else wakes a stream is no progress.
        match self.activity.handed.get() {
            Some(Handed::Piece) => *clock = self.until_too_late(),
            Some(Handed::Nothing) => *clock = None,
            None => {}
        }
        clock.as_mut().map_or(Poll::Pending, |clock| clock.as_mut().poll(cx))
    }

    /// A clock, where there is an end to the patience.
    fn until_too_late(&self) -> Option<Pin<Box<Sleep>>> {
        let end = Instant::now().checked_add(self.patience)?;
        Some(Box::pin(sleep_until(end)))
    }
}

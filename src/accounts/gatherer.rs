//! Gathers questions about tokens or users, so that many of them are one question to the accounts.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until, timeout_at};

/// How long questions are gathered. Also the least time between two batches: at most a hundred a second.
const WINDOW: Duration = Duration::from_millis(10);

/// How many questions are one batch at most.
const MOST: usize = 1_000;

/// How many batches are under way at once.
const UNDER_WAY: usize = 4;

/// How many questions may wait; whoever asks beyond that hears at once that it cannot be told.
pub const WAITING: usize = 16_384;

/// A question that is asked together with others.
pub trait Question {
    /// Whether nobody waits for the answer any more.
    fn is_given_up(&self) -> bool;
}

/// Has questions answered in batches until nobody can ask any more. `guard` is dropped when that ends.
pub async fn gather<Q: Question, F>(
    mut questions: mpsc::Receiver<Q>,
    guard: Box<dyn Any + Send>,
    answer: impl Fn(Vec<Q>) -> F,
) where
    F: Future<Output = ()> + 'static,
{
    let _guard = guard;
    let places = Arc::new(Semaphore::new(UNDER_WAY));
    while let Some(first) = questions.recv().await {
        let batch = batch(first, &mut questions).await;
        if batch.is_empty() {
            continue;
        }
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let answered = answer(batch);
        actix_rt::spawn(async move {
            answered.await;
            drop(place);
        });
    }
}

/// What is asked within the window, without those who do not wait any more.
async fn batch<Q: Question>(first: Q, questions: &mut mpsc::Receiver<Q>) -> Vec<Q> {
    let until = Instant::now() + WINDOW;
    let mut batch = vec![first];
    while batch.len() < MOST {
        match timeout_at(until, questions.recv()).await {
            Ok(Some(question)) => batch.push(question),
            Ok(None) | Err(_) => break,
        }
    }
    sleep_until(until).await;
    batch.retain(|question| !question.is_given_up());
    batch
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use tokio::sync::oneshot;

    use super::*;

    impl Question for oneshot::Sender<()> {
        fn is_given_up(&self) -> bool {
            self.is_closed()
        }
    }

    async fn sizes(asked: usize) -> Vec<usize> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let mut waiting = Vec::new();
        for _ in 0..asked {
            let (question, answer) = oneshot::channel();
            sender.try_send(question).unwrap();
            waiting.push(answer);
        }
        drop(sender);
        let sizes = Rc::new(RefCell::new(Vec::new()));
        let noted = Rc::clone(&sizes);
        gather(receiver, Box::new(()), move |batch| {
            noted.borrow_mut().push(batch.len());
            async {}
        })
        .await;
        sizes.take()
    }

    #[actix_rt::test]
    async fn what_is_asked_within_the_window_is_one_question() {
        tokio::time::pause();
        assert_eq!(sizes(300).await, [300]);
    }

    #[actix_rt::test]
    async fn a_batch_has_a_most_and_batches_are_a_window_apart() {
        tokio::time::pause();
        let begun = Instant::now();
        assert_eq!(sizes(2_500).await, [1_000, 1_000, 500]);
        assert!(begun.elapsed() >= 3 * WINDOW, "{:?}", begun.elapsed());
    }

    #[actix_rt::test]
    async fn who_does_not_wait_any_more_is_not_asked_for() {
        tokio::time::pause();
        let (sender, mut receiver) = mpsc::channel(2);
        let ((first, gone), (second, _waits)) = (oneshot::channel(), oneshot::channel());
        drop(gone);
        sender.try_send(second).unwrap();
        assert_eq!(batch(first, &mut receiver).await.len(), 1);
    }
}

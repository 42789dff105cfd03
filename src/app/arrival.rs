//! A listener that answers before there is anything to answer with.
//!
//! The server's workers run from the first moment, and an app cannot be built before the house stands. Until then each
//! listener has a service of its own here, which says how the start is going; when the house stands, every worker builds
//! its apps, and this service hands everything on to them.

use std::cell::OnceCell;
use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::{Request, Response};
use actix_service::{Service, ServiceFactory};
use actix_web::Error;
use actix_web::body::BoxBody;
use futures_util::future::{Either, LocalBoxFuture};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tracing::error;

use crate::http;
use crate::telemetry::Readiness;

/// How long a request waits for an app that is being built: longer than that takes.
const BUILDING: Duration = Duration::from_secs(5);

/// Makes the service of a listener, once on each worker.
pub(super) struct Arrival<Worker, Build> {
    answers_health: bool,
    readiness: Arc<Readiness>,
    awaited: watch::Receiver<Option<Worker>>,
    build: Rc<Build>,
}

impl<Worker, Build> Arrival<Worker, Build> {
    /// The app is what `build` makes of what is `awaited`. Whether health is answered before that is the listener's.
    pub(super) fn new(
        answers_health: bool,
        readiness: Arc<Readiness>,
        awaited: watch::Receiver<Option<Worker>>,
        build: Build,
    ) -> Self {
        Self { answers_health, readiness, awaited, build: Rc::new(build) }
    }
}

impl<Worker, Build, Building, App> ServiceFactory<Request> for Arrival<Worker, Build>
where
    Worker: Clone + 'static,
    Build: Fn(Worker) -> Building + 'static,
    Building: Future<Output = Result<App, ()>> + 'static,
    App: Service<Request, Response = Response<BoxBody>, Error = Error> + 'static,
{
    type Response = Response<BoxBody>;
    type Error = Error;
    type Config = ();
    type Service = Reception<App>;
    type InitError = ();
    type Future = Ready<Result<Reception<App>, ()>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let desk = Rc::new(Desk {
            answers_health: self.answers_health,
            readiness: Arc::clone(&self.readiness),
            app: OnceCell::new(),
            built: Notify::new(),
        });
        let (mut awaited, build) = (self.awaited.clone(), Rc::clone(&self.build));
        actix_rt::spawn({
            let desk = Rc::clone(&desk);
            async move {
                // Nobody comes any more when the start is refused.
                let Ok(worker) = awaited.wait_for(Option::is_some).await.map(|worker| worker.clone()) else { return };
                let Some(worker) = worker else { return };
                let Ok(app) = build(worker).await else { return error!("a worker cannot build its application") };
                desk.hand_over_to(app);
            }
        });
        ready(Ok(Reception(desk)))
    }
}

/// The service of a listener on one worker.
pub(super) struct Reception<App>(Rc<Desk<App>>);

struct Desk<App> {
    answers_health: bool,
    readiness: Arc<Readiness>,
    app: OnceCell<App>,
    built: Notify,
}

impl<App> Desk<App> {
    fn hand_over_to(&self, app: App) {
        // It is built once only.
        drop(self.app.set(app));
        self.built.notify_waiters();
    }

    /// The app, as soon as it is there; `None` when the server starts and requests do not wait for that, or in vain.
    async fn app(&self) -> Option<&App> {
        let patience = if self.readiness.is_starting() { self.readiness.patience() } else { BUILDING };
        let built = self.built.notified();
        if self.app.get().is_none() {
            let built_or_over = async {
                tokio::select! { () = built => {}, () = self.readiness.stopping() => {} }
            };
            drop(timeout(patience, built_or_over).await);
        }
        self.app.get()
    }
}

impl<App> Service<Request> for Reception<App>
where
    App: Service<Request, Response = Response<BoxBody>, Error = Error> + 'static,
{
    type Response = Response<BoxBody>;
    type Error = Error;
    type Future = Either<App::Future, LocalBoxFuture<'static, Result<Response<BoxBody>, Error>>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.app.get().map_or(Poll::Ready(Ok(())), |app| app.poll_ready(context))
    }

    fn call(&self, request: Request) -> Self::Future {
        match self.0.app.get() {
            Some(app) => Either::Left(app.call(request)),
            None => Either::Right(Box::pin(answer(Rc::clone(&self.0), request))),
        }
    }
}

/// The answer while there is no app.
async fn answer<App>(desk: Rc<Desk<App>>, request: Request) -> Result<Response<BoxBody>, Error>
where
    App: Service<Request, Response = Response<BoxBody>, Error = Error>,
{
    if desk.answers_health
        && let Some(answer) = http::health_before_opening(request.method(), request.uri(), &desk.readiness)
    {
        return Ok(answer.into());
    }
    match desk.app().await {
        Some(app) => app.call(request).await,
        None => Ok(http::refuse_before_opening().into()),
    }
}
